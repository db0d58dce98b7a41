"""repsim measures"""

from typing import TYPE_CHECKING

from workflows.command.output import columns, console, say

if TYPE_CHECKING:
    from repsim.measures import Measure

__all__ = ["measures"]


def measures() -> None:
    """List the measures that a study or a comparison can have, and what leaves each as it is."""
    from repsim.measures import MEASURES, measure_class

    listing = columns("measure", "what it is", "options", "range", "unchanged by", words=5)
    for name in MEASURES.names:
        kind = measure_class(name)
        listing.add_row(name, *_words(kind))
    console.print(listing)
    say("Options and definitions: docs/measures.md, or help(repsim.NAME) in Python.")


def _words(kind: "type[Measure]") -> tuple[str, str, str, str]:
    import sys

    required = {n: f for n, f in kind.model_fields.items() if f.is_required()}
    example = kind.model_validate(dict.fromkeys(required, 0.3))
    found = example.properties
    module = sys.modules[kind.__module__]
    function = getattr(module, kind.__module__.rpartition(".")[2], kind)
    line = (function.__doc__ or "").strip().partition("\n")[0].rstrip(".")
    direction = "" if found.larger_is_more_similar else ", smaller is more similar"
    unchanged = ", ".join(sorted(found.invariances))
    options = ", ".join(kind.model_fields)
    return line, options, f"{found.least:g} to {found.most:g}{direction}", unchanged
