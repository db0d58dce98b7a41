"""repsim compare"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from repsim.errors import InputError
from workflows.command.output import columns, complain, console, say

if TYPE_CHECKING:
    from repsim.activation_files import ActivationArray
    from repsim.matching import MatchProfile

    Compared = tuple[ActivationArray, MatchProfile, tuple[float | None, str]]
    """A layer, its match profile, and its linear CKA with what to know of that."""

__all__ = ["compare"]


def compare(
    first: Annotated[
        Path,
        typer.Argument(
            metavar="A", help="Activations: .npy, .npz, .safetensors, .h5, .pt or .zarr."
        ),
    ],
    second: Annotated[
        Path, typer.Argument(metavar="B", help="Activations of the same inputs, in the same order.")
    ],
    epsilons: Annotated[
        list[float] | None,
        typer.Option(
            "--epsilon",
            help="An ε to match at. Can be given several times.",
            show_default="0.15 0.2 0.25 0.3 0.5",
        ),
    ] = None,
    centred: Annotated[
        bool, typer.Option("--centred", help="Remove each neuron's mean first.")
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
    output: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write a report and tables there.", show_default=False),
    ] = None,
) -> None:
    """Compare two files of activations of your own: no training, no store, no cluster.

    Axes: (samples, neurons), (examples, positions, neurons) or (examples, channels, height,
    width). Files with several arrays are compared name by name; what can be no layer, such as
    labels, is skipped.
    """
    from repsim.activation_files import open_activations

    chosen = sorted(set(epsilons or (0.15, 0.2, 0.25, 0.3, 0.5)))
    outside = [e for e in chosen if not 0 <= e < 1]
    if outside:
        raise InputError(f"Expected ε in [0, 1). Got {outside[0]:g}.")
    notes: list[str] = []
    a, b = (open_activations(path, notes.append, channels=channels) for path in (first, second))
    # Before the numbers: what chunks lack may be why they are refused.
    for note in notes:
        say(note)
    pairs = _pairs(a, b, first, second)
    if output is not None:
        _make_folder(output)
    alone = [
        f"{name} of {file}"
        for names, file in ((a.keys() - b.keys(), first), (b.keys() - a.keys(), second))
        for name in sorted(names)
        if len(a) > 1 or len(b) > 1
    ]
    at = [f"ε={e:g}" for e in chosen]
    table = columns("layer", "neurons", "positions", "samples", *at, "area", "CKA")
    compared, failed = _compare_each(pairs, centred)
    for x, profile, (similarity, _) in compared:
        values = [f"{profile.similarity(e):.3f}" for e in chosen]
        table.add_row(
            x.name,
            str(profile.p) if profile.p == profile.q else f"{profile.p}, {profile.q}",
            str(x.positions),
            f"{profile.count:,}",
            *values,
            f"{profile.area():.3f}",
            "undefined" if similarity is None else f"{similarity:.3f}",
        )
    console.print(table)
    console.print(
        "Maximum match similarity (share of both sides' neurons), "
        f"{'centred' if centred else 'uncentred'}; area under the match curve; linear CKA "
        "(centred, biased).",
        highlight=False,
    )
    if alone:
        say(f"Skipped, since the other file has no layer of this name: {', '.join(alone)}.")
    for x, profile, (_, caution) in compared:
        for words in dict.fromkeys((profile.caution, caution)):
            if words:
                say(f"{x.name}: {words}")
    missing = [f"{name} was not compared: {problem}" for name, problem in failed.items()]
    if output is not None:
        facts = (*notes, *missing)
        _write_report(output, (first, second), compared, chosen, centred, facts)
        console.print(f"Report: {output / 'report.html'}", highlight=False, soft_wrap=True)
    for sentence in missing:
        complain(sentence)
    raise typer.Exit(InputError.exit_code if missing else 0)


def _compare_each(
    pairs: "list[tuple[ActivationArray, ActivationArray]]", centred: bool
) -> "tuple[list[Compared], dict[str, InputError]]":
    """Profile and CKA of each layer, and why a layer has none; an error where none has."""
    from repsim.activation_files import factor_of, moments_of
    from repsim.matching import match_profile
    from repsim.measures import load_measure, value_and_caution

    cka = load_measure("cka", {})
    compared, failed = [], {}
    for x, y in pairs:
        try:
            moments = moments_of(x, y)
            profile = match_profile(moments, centred=centred)
            if not profile.settled:
                profile = match_profile(factor_of(x, y), centred=centred)
            compared.append((x, profile, value_and_caution(cka, moments)))
        except InputError as problem:
            failed[x.name] = problem
        except MemoryError as problem:
            failed[x.name] = InputError(
                f"Expected layers that fit in memory. Got {x.neurons} and {y.neurons} neurons: "
                f"{str(problem).rstrip('.') or 'not enough'}. Compare some of the neurons."
            )
    if not compared:
        raise next(iter(failed.values()))
    return compared, failed


def _pairs(
    a: "dict[str, ActivationArray]", b: "dict[str, ActivationArray]", first: Path, second: Path
) -> "list[tuple[ActivationArray, ActivationArray]]":
    """Arrays of the same name; or the only array of each file."""
    if len(a) == len(b) == 1:
        return [(next(iter(a.values())), next(iter(b.values())))]
    both = [name for name in a if name in b]
    if not both:
        raise InputError(
            f"Expected arrays of the same names in both files. Got {', '.join(a)} in {first} and "
            f"{', '.join(b)} in {second}."
        )
    return [(a[name], b[name]) for name in both]


def _make_folder(folder: Path) -> None:
    """Before the numbers, which may take long."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise InputError(
            f"Expected a folder for the report. Got {folder}: {problem.strerror}. Choose another "
            "with --output."
        ) from None


def _write_report(
    folder: Path,
    files: tuple[Path, Path],
    compared: "list[Compared]",
    epsilons: list[float],
    centred: bool,
    missing: Sequence[str],
) -> None:
    import polars as pl

    from repsim.report import StudyFacts, build_report
    from repsim.results import Tables, area_row, layer_rows, match_row, measure_row, neuron_rows

    names = [f"A: {files[0].name}", f"B: {files[1].name}"]
    results: list[dict[str, Any]] = []
    neurons: list[pl.DataFrame] = []
    layers: list[dict[str, Any]] = []
    for depth, (x, profile, (similarity, caution)) in enumerate(compared):
        place = {"network_a": names[0], "network_b": names[1], "layer": x.name, "depth": depth}
        rows = [
            *(match_row(profile, epsilon) for epsilon in epsilons),
            area_row(profile),
            {
                **measure_row("cka[linear,centred,biased]", similarity, centred=True),
                "caution": caution or None,
            },
        ]
        results += [
            {"study": "compare", **place, **row, "examples": x.examples}
            for row in layer_rows(profile, rows)
        ]
        neurons.append(
            neuron_rows(profile).with_columns(pl.lit(v).alias(k) for k, v in place.items())
        )
        size = {"neurons": x.neurons, "positions": x.positions, "total_positions": x.positions}
        layers.append({"variant": "", "layer": x.name, "depth": depth, "type": "array", **size})
    tables = Tables.from_rows(
        networks=[{"network": name, "variant": "", "seed": "", "status": "done"} for name in names],
        layers=layers,
        results=results,
        neurons=pl.concat(neurons),
    )
    facts = StudyFacts(
        name="compare",
        description=f"{files[0]} and {files[1]}",
        study_toml=f"# repsim compare {files[0]} {files[1]}\n",
        epsilons=epsilons,
        centred=centred,
        missing=missing,
    )
    for name, content in build_report(tables, facts).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
