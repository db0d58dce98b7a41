"""The `repsim` command: one file for each of its verbs."""

import sys
import traceback

import typer

from repsim.errors import RepsimError
from workflows.command import (
    cluster,
    compare,
    doctor,
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
from workflows.command.output import complain

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
        "again resumes), 4 store or cluster unreachable, 5 integrity error, 6 another run is "
        "active, 75 stopped cleanly."
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
app.command("doctor")(doctor.doctor)
app.add_typer(cluster.cluster, name="cluster")


def main() -> None:
    """Run the command; every error that repsim knows becomes one message and its exit code."""
    try:
        app()
    except RepsimError as problem:
        complain(f"repsim: {problem}", exit_code=problem.exit_code)
        sys.exit(problem.exit_code)
    except KeyboardInterrupt:
        complain("repsim: stopped at once. What was finished is kept.", exit_code=75)
        sys.exit(75)
    except Exception:
        complain(
            f"{traceback.format_exc()}\nrepsim: an internal error. Please report it with the lines "
            "above.",
            exit_code=1,
        )
        sys.exit(1)
