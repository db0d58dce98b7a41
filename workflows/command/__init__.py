"""The `repsim` command: one file for each of its verbs."""

import sys
import traceback

import typer

from repsim.errors import OutputError, PreemptedError, RepsimError
from workflows.command import (
    cluster,
    compare,
    drive,
    gc,
    layers,
    missing,
    plan,
    report,
    run,
    status,
    submit,
    verify,
)
from workflows.command.output import complain, unwritten_output
from workflows.stopping import StoppedAtOnce, end_on_signals

__all__ = ["app", "main"]

app = typer.Typer(
    name="repsim",
    help=(
        "To what extent do different neural networks learn the same representation?\n\n"
        "A study is a TOML file: data, model, training, seeds, layers, ε. "
        "`repsim run` trains its networks (Ray), keeps their activations (Zarr), matches every "
        "layer of every pair at every ε (Dask) and writes a report. It goes on wherever it was "
        "stopped.\n\n"
        "Start here: repsim run workflows/studies/digits.toml"
    ),
    epilog=(
        "Exit codes: 0 done, 1 internal error, 2 study or usage wrong, 3 some tasks failed (run "
        "again resumes), 4 store, cluster or output unreachable, 5 integrity error, 6 another run "
        "is active, 75 stopped cleanly."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("run")(run.run)
app.command("submit")(submit.submit)
app.command("drive", hidden=True)(drive.drive)
app.command("plan")(plan.plan)
app.command("missing")(missing.missing)
app.command("status")(status.status)
app.command("report")(report.report)
app.command("verify")(verify.verify)
app.command("gc")(gc.gc)
app.command("compare")(compare.compare)
app.command("layers")(layers.layers)
app.add_typer(cluster.cluster, name="cluster")


# typer's code for KeyboardInterrupt.
INTERRUPTED = 130
UNWRITTEN = "Expected a standard output that can be written, to a disk that is not full."


def main() -> None:
    """Run the command; every error that repsim knows becomes one message and its exit code."""
    try:
        with end_on_signals():
            app()
    except SystemExit as ended:
        code = _code_of(ended)
    except RepsimError as problem:
        code = _complained(problem)
    except Exception as problem:
        # Where stdout is what failed, it takes nothing more either.
        if isinstance(problem, OSError) and unwritten_output(more="\n") is not None:
            code = _complained(OutputError(f"{UNWRITTEN} Got: {problem}."))
        else:
            complain(
                f"{traceback.format_exc()}\nrepsim: an internal error. Please report it with the "
                "lines above.",
                exit_code=1,
            )
            code = 1
    lost = unwritten_output()
    if lost is not None and code == 0:
        code = _complained(OutputError(f"{UNWRITTEN} Got: {lost}."))
    sys.exit(code)


def _code_of(ended: SystemExit) -> int:
    if isinstance(ended, StoppedAtOnce) or ended.code == INTERRUPTED:
        name = ended.signal_name if isinstance(ended, StoppedAtOnce) else "SIGINT"
        return _complained(PreemptedError(f"{name}: stopped at once. What was finished is kept."))
    return ended.code if isinstance(ended.code, int) else int(ended.code is not None)


def _complained(problem: RepsimError) -> int:
    complain(f"repsim: {problem}", exit_code=problem.exit_code)
    return problem.exit_code
