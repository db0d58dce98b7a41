"""repsim status"""

from rich.table import Table

from workflows.command.output import Overrides, StoreOption, StudyFile, console

__all__ = ["status"]


def status(study_file: StudyFile, store: StoreOption = "runs", overrides: Overrides = None) -> None:
    """Say how far a study is, also while it runs: per stage, and the last errors."""
    from repsim.store import Store
    from repsim.study import load_study
    from workflows.plan import plan_study
    from workflows.state import last_failures, study_state

    planned = plan_study(load_study(study_file, overrides or ()))
    target = Store(store)
    columns = ("stage", "done", "missing", "partial", "corrupt", "failed")
    table = Table(*columns, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    corrupt = []
    for stage in study_state(planned, target):
        corrupt += stage.corrupt
        counts = (stage.done, stage.missing, stage.partial, len(stage.corrupt), stage.failed)
        table.add_row(stage.name, *map(str, counts))
    console.print(table)
    for problem in corrupt:
        console.print(f"Corrupt: {problem}", markup=False, highlight=False, soft_wrap=True)
    for label, error in last_failures(target, planned.study.name).items():
        message = f"Failed in the last run: {label}: {error}"
        console.print(message, markup=False, highlight=False, soft_wrap=True)
