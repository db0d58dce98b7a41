"""repsim status"""

from workflows.command.output import (
    JsonOption,
    Overrides,
    StoreOption,
    StudyFile,
    columns,
    console,
    say,
    say_json,
)

__all__ = ["status"]


def status(
    study_file: StudyFile,
    store: StoreOption = "runs",
    overrides: Overrides = None,
    as_json: JsonOption = False,
) -> None:
    """Say how far a study is, also while it runs: per stage, and the last errors.

    Done, missing, partial (begun: a checkpoint, part of the moments), corrupt (its marker cannot
    be read), failed (in the last run). `repsim verify` looks at the files themselves.
    """
    from repsim.store import Store
    from repsim.study import load_study
    from workflows.plan import plan_study
    from workflows.state import last_failures, study_state, survey_study

    planned = plan_study(load_study(study_file, overrides or ()))
    target = Store(store)
    survey = survey_study(planned, target)
    stages = study_state(planned, target, survey)
    failures = last_failures(target, planned.study.name)
    if as_json:
        say_json(
            {
                "study": planned.study.name,
                "store": target.location,
                "complete": all(stage.done == stage.total for stage in stages),
                "stages": [
                    {
                        "name": stage.name,
                        "total": stage.total,
                        "done": stage.done,
                        "missing": stage.missing,
                        "partial": stage.partial,
                        "corrupt": stage.corrupt,
                        "failed": stage.failed,
                    }
                    for stage in stages
                ],
                "in_training": [
                    {"network": one.network, "epoch": one.epoch, "epochs": one.epochs}
                    for one in survey.begun
                ],
                "failures": failures,
            }
        )
        return
    table = columns("stage", "done", "missing", "partial", "corrupt", "failed")
    for stage in stages:
        counts = (stage.done, stage.missing, stage.partial, len(stage.corrupt), stage.failed)
        table.add_row(stage.name, *map(str, counts))
    console.print(table)
    for one in survey.begun:
        say(f"In training: {one}")
    for problem in (problem for stage in stages for problem in stage.corrupt):
        say(f"Corrupt: {problem}")
    for label, error in failures.items():
        say(f"Failed in the last run: {label}: {error}")
