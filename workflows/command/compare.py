"""repsim compare"""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from repsim.errors import ClusterError, InputError
from repsim.extras import study_extra
from workflows.command.compare_table import print_comparison
from workflows.command.output import complain, console, say
from workflows.command.where import ClusterOverrides, chosen_profile

if TYPE_CHECKING:
    from repsim.comparison import Comparison

__all__ = ["compare"]

EPSILONS = (0.15, 0.2, 0.25, 0.3, 0.5)


def compare(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[A B ...]",
            help="Activations of the same inputs, in the same order: .npy, .npz, .safetensors, "
            ".h5, .pt or .zarr, a folder of them, or s3://bucket/a.zarr.",
            show_default=False,
        ),
    ] = None,
    all_pairs: Annotated[
        bool, typer.Option("--all-pairs", help="Compare each of more than two with each other.")
    ] = False,
    measure: Annotated[
        list[str] | None,
        typer.Option(
            help="match, or the name of a measure (cka, svcca ...). Can be given several times.",
            show_default="match, cka",
        ),
    ] = None,
    epsilons: Annotated[
        list[float] | None,
        typer.Option(
            "--epsilon",
            help="An ε to match at. Can be given several times.",
            show_default=" ".join(map(str, EPSILONS)),
        ),
    ] = None,
    centred: Annotated[
        bool, typer.Option("--centred", help="Remove each neuron's mean before the match.")
    ] = False,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            help="A pattern of layers ('layer1.*'). Can be given several times.",
            show_default="all",
        ),
    ] = None,
    across: Annotated[
        bool | None,
        typer.Option(
            "--across/--by-name",
            help="Compare each layer with each of the other, or with the one of its name alone.",
            show_default="by name, if any is the same",
        ),
    ] = None,
    pool: Annotated[
        Literal["mean", "cls"] | None,
        typer.Option(
            help="Take the average over positions, or the first one, in place of all.",
            show_default=False,
        ),
    ] = None,
    null: Annotated[
        bool, typer.Option("--null", help="Say what permuted examples give, with a p-value.")
    ] = False,
    intervals: Annotated[
        bool, typer.Option("--intervals", help="Say how far values vary with the examples (90 %).")
    ] = False,
    channels: Annotated[
        Literal["first", "last"] | None,
        typer.Option(
            help="Where arrays of three or four axes have their channels, the examples being on "
            "the first axis of all.",
            show_default="last of three axes; first of four, if the last two are height and width "
            "for certain",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=MODULE:FUNCTION",
            help="A model in place of files: a function that returns a torch module. Can be given "
            "several times, with --data.",
            show_default=False,
        ),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]FILE",
            help="Weights of a model; without a name, those of the models in their order.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:LOADER",
            help="What the models are given: a data loader, data set or tensor, or a function that "
            "returns one.",
            show_default=False,
        ),
    ] = None,
    batch_size: Annotated[
        int,
        typer.Option(min=1, help="Examples at a time, where data have no batches."),
    ] = 128,
    device: Annotated[
        str, typer.Option(help="Where models run: auto, cpu, cuda, cuda:1, mps.")
    ] = "auto",
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="PROFILE",
            help="Compare the pairs of layers of files on Dask: a profile (`repsim cluster list`), "
            "a file of your own (my.toml), or the address of a scheduler. Its workers read the "
            "files themselves.",
            show_default="in this process",
        ),
    ] = None,
    cluster_overrides: ClusterOverrides = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write a report and tables there.", show_default=False),
    ] = None,
) -> None:
    """Compare activations or models of your own: no training, no store, no study.

    Axes: (samples, neurons), (examples, positions, neurons) or (examples, channels, height,
    width). Files with several arrays are compared name by name; what can be no layer, such as
    labels, is skipped.
    """
    import repsim

    chosen = sorted(set(epsilons or EPSILONS))
    outside = [e for e in chosen if not 0 <= e < 1]
    if outside:
        raise InputError(f"Expected ε in [0, 1). Got {outside[0]:g}.")
    options: dict[str, Any] = {
        "measures": _measures(measure or ["match", "cka"], centred),
        "epsilons": chosen,
        "layers": layer,
        "across": across,
        "pool": pool,
        "null": null,
        "intervals": intervals,
    }
    if model:
        from workflows.command.compare_models import loaded_data, loaded_models

        if files or cluster or channels:
            raise InputError(
                "Expected models and data, or files. Got --model with "
                f"{'files' if files else '--cluster' if cluster else '--channels'}."
            )
        _make_folder(output)
        options |= {"batch_size": batch_size, "device": device}
        found = repsim.compare(loaded_models(model, weights), loaded_data(data), **options)
        names = list(found.layers)
        notes: list[str] = []
    else:
        if data is not None or weights:
            raise InputError("Expected --data and --weights beside models. Got no --model.")
        opened, notes = _opened(files or [], channels, all_pairs=all_pairs)
        _make_folder(output)
        names = list(opened)
        with _mapped(cluster, cluster_overrides) as mapped:
            found = repsim.compare(opened, **options, **mapped)
    print_comparison(found)
    if output is not None:
        _write_report(output, found, ", ".join(files or names), notes)
    for sentence in found.failures:
        complain(sentence)
    raise typer.Exit(InputError.exit_code if found.failures else 0)


def _measures(names: list[str], centred: bool) -> list[Any]:
    return [
        (name, {"centred": True}) if name == "match" and centred else name
        for name in dict.fromkeys(names)
    ]


def _opened(
    files: list[str], channels: Literal["first", "last"] | None, *, all_pairs: bool
) -> tuple[dict[str, Any], list[str]]:
    """The layers of each file, and notes on them, which are printed."""
    from repsim.comparison.sources import named_sources, open_sources

    if not files:
        raise InputError(
            "Expected files of activations, or --model and --data. Got neither: repsim compare "
            "A.npy B.npy."
        )
    sources = named_sources(files)
    if len(sources) > 2 and not all_pairs:
        raise InputError(
            f"Expected two files, or --all-pairs. Got {len(sources)} files, which are "
            f"{len(sources) * (len(sources) - 1) // 2} pairs."
        )
    notes: list[str] = []

    def tell(note: str) -> None:
        # Before the numbers: what chunks lack may be why they are refused.
        say(note)
        notes.append(note)

    return open_sources(sources, tell, channels=channels), notes


@contextmanager
def _mapped(cluster: str | None, overrides: list[str] | None) -> Iterator[dict[str, Any]]:
    """How the pairs of layers are run, as arguments of `repsim.compare`."""
    if cluster is None:
        yield {}
        return
    profile = chosen_profile(cluster, overrides)
    with study_extra():
        from distributed import CancelledError, KilledWorker
        from distributed.comm import CommClosedError

        from cluster.dask_cluster import dask_session

    with dask_session(profile.dask) as client:
        try:
            yield {"map": client.get_executor(pure=False).map}
        except (CancelledError, KilledWorker, CommClosedError) as problem:
            raise ClusterError(
                f"Expected Dask's workers to compare all pairs of layers. Got: {problem}. Give "
                "them more memory, or compare fewer layers (--layer)."
            ) from problem


def _make_folder(folder: Path | None) -> None:
    """Before the numbers, which may take long."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise InputError(
            f"Expected a folder for the report. Got {folder}: {problem.strerror}. Choose another "
            "with --output."
        ) from None


def _write_report(
    folder: Path,
    found: "Comparison",
    description: str,
    notes: list[str],
) -> None:
    from repsim.comparison.report import report_files

    command = f"repsim {shlex.join(sys.argv[1:])}"
    files = report_files(found, description=description, command=command, notes=notes)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    console.print(f"Report: {folder / 'report.html'}", highlight=False, soft_wrap=True)
