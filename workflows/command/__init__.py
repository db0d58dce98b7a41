"""The `repsim` command: one file for each of its verbs."""

import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

import repsim
from cluster.limits import calls_left
from cluster.shell_limits import check_limits
from repsim.errors import OutputError, PreemptedError, RepsimError, StudyError
from repsim.extras import study_extra
from workflows.command import (
    cluster,
    compare,
    doctor,
    drive,
    gc,
    init,
    layers,
    measures,
    missing,
    plan,
    report,
    run,
    status,
    submit,
    verify,
)
from workflows.command.output import complain, say, unwritten_output
from workflows.stopping import end_at_once, stop_on_signal

__all__ = ["app", "main"]

app = typer.Typer(
    name="repsim",
    help=(
        "To what extent do different neural networks learn the same representation?\n\n"
        "A study is a TOML file: data, model, training, seeds, layers, ε. "
        "`repsim run` trains its networks (Ray), keeps their activations (Zarr), matches every "
        "layer of every pair at every ε (Dask) and writes a report. It goes on wherever it was "
        "stopped.\n\n"
        "Start here: repsim run digits. A study of your own: repsim init."
    ),
    epilog=(
        "Exit codes: 0 done, 1 internal error, 2 study or usage wrong, 3 some tasks failed (run "
        "again resumes), 4 store, cluster or output unreachable, 5 integrity error, 6 another run "
        "is active, 75 stopped cleanly."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _say_version(asked: bool) -> None:
    if asked:
        say(f"repsim {repsim.__version__}")
        raise typer.Exit


@app.callback()
def _before(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_say_version),
    ] = False,
) -> None:
    del version  # its callback has said it
    try:
        Path.cwd()
    except OSError as problem:  # libraries that PyTorch loads then end the process
        raise StudyError(
            f"Expected to be started in a folder that exists. Got: {problem.strerror}. "
            "Change to another with cd."
        ) from None
    if context.invoked_subcommand != "doctor":  # which reports limits itself
        check_limits()


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
app.command("measures")(measures.measures)
app.command("init")(init.init)
app.command("doctor")(doctor.doctor)
app.add_typer(cluster.cluster, name="cluster")


UNWRITTEN = "Expected a standard output that can be written, to a disk that is not full."


def main() -> None:
    """Run the command; every error that repsim knows becomes one message and its exit code."""
    with stop_on_signal(at_once=True):
        code = _exit_code()
    lost = unwritten_output()
    if lost is not None and code == 0:
        code = _complained(OutputError(f"{UNWRITTEN} Got: {lost}."))
    if calls_left():
        end_at_once(code)
    sys.exit(code)


def _exit_code() -> int:
    try:
        with study_extra():
            app()
    except SystemExit as ended:  # of typer, and after a signal
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except RepsimError as problem:
        return _complained(problem)
    except KeyboardInterrupt:
        return _complained(PreemptedError("stopped at once. What was finished is kept."))
    except Exception as problem:
        # Where stdout is what failed, it takes nothing more either.
        if isinstance(problem, OSError) and unwritten_output(more="\n") is not None:
            return _complained(OutputError(f"{UNWRITTEN} Got: {problem}."))
        complain(
            f"{traceback.format_exc()}\nrepsim: an internal error. Please report it with the lines "
            "above.",
            exit_code=1,
        )
        return 1
    return 0


def _complained(problem: RepsimError) -> int:
    complain(f"repsim: {problem}", exit_code=problem.exit_code)
    return problem.exit_code
