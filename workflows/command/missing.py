"""repsim missing"""

from typing import Annotated, Literal

import typer

from workflows.command.output import Overrides, StoreOption, StudyFile, say

__all__ = ["missing"]


def missing(
    study_file: StudyFile,
    shards: Annotated[
        int,
        typer.Option(min=1, help="Into how many shares the work is cut (the N of --shard i/N)."),
    ],
    store: StoreOption = "runs",
    overrides: Overrides = None,
    stage: Annotated[
        Literal["all", "networks", "comparisons"], typer.Option(help="Of which stage.")
    ] = "all",
    output_format: Annotated[
        Literal["lines", "slurm-array"],
        typer.Option(
            "--format",
            help="lines: a number on each line. slurm-array: as sbatch --array takes it, 0-2,7.",
        ),
    ] = "lines",
) -> None:
    """Print which shares of the work (`repsim run --shard i/N`) are not complete.

    Prints nothing when all are:

        sbatch --array=$(repsim missing STUDY.toml --shards 64 --format slurm-array) job.sh
    """
    from repsim.store import Store
    from repsim.study import load_study
    from workflows.plan import plan_study
    from workflows.shards import shards_with_work
    from workflows.state import survey_study

    target = Store(store)
    plan = plan_study(load_study(study_file, overrides or ()), target)
    numbers = shards_with_work(survey_study(plan, target), shards, stage)
    if output_format == "lines":
        for number in numbers:
            say(str(number))
    elif numbers:
        say(ranges(numbers))


def ranges(numbers: list[int]) -> str:
    """Rising numbers, runs of them as one.

    >>> ranges([0, 1, 2, 7, 9, 10])
    '0-2,7,9-10'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
