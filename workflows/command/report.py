"""repsim report"""

from repsim.errors import StudyError
from workflows.command.output import Overrides, StoreOption, StudyFile, console

__all__ = ["report"]


def report(study_file: StudyFile, store: StoreOption = "runs", overrides: Overrides = None) -> None:
    """Write the report again from what is in the store, complete or not."""
    from repsim.stages.report import consolidate
    from repsim.store import Store, run_lock
    from repsim.study import load_study
    from workflows.plan import plan_study
    from workflows.state import last_failures

    target = Store(store)
    planned = plan_study(load_study(study_file, overrides or ()), target)
    if not any(spec.artifact(target).exists() for spec in planned.networks):
        raise StudyError(
            f"Expected results of the study {planned.study.name!r} in {target.location}. Got no "
            "network. Run it first: repsim run."
        )
    with run_lock(target, planned.study.name):
        failures = last_failures(target, planned.study.name)
        page = consolidate(target, planned, failures)
    console.print(f"Report: {target.location}/{page}", highlight=False, soft_wrap=True)
