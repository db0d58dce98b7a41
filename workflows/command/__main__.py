"""``python -m workflows.command`` is ``repsim``, where no script is installed."""

from workflows.command import main

main()
