"""What `repsim compare` prints: a row for each pair of layers, a column for each measure."""

from typing import TYPE_CHECKING, Any

from workflows.command.output import columns, console, say

if TYPE_CHECKING:
    from repsim.comparison import Comparison

__all__ = ["print_comparison"]

# Rows and notes that are printed; --output writes all.
MOST_ROWS = 200
MOST_CAUTIONS = 20

LONG = {"cka[linear,centred,biased]": "CKA", "area under the match curve": "area"}


def print_comparison(found: "Comparison") -> None:
    """The table, the measures in words, notes and cautions."""
    rows = [row for row in found.rows.iter_rows(named=True) if row["samples"] is not None]
    places = ("model_a", "layer_a", "model_b", "layer_b")
    pairs: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        pairs.setdefault(tuple(row[name] for name in places), []).append(row)
    many = len(found.layers) > 2
    same = all(a == b for _, a, _, b in pairs)
    of_layers = ("layer",) if same else ("layer A", "layer B")
    of_place = (*(("A", "B") if many else ()), *of_layers)
    measures = sorted(dict.fromkeys(map(_column, rows)), key=_order)
    sizes = ("neurons", "positions", "samples")
    table = columns(*of_place, *sizes, *(name for _, name in measures), words=len(of_place))
    for (model_a, layer_a, model_b, layer_b), of in list(pairs.items())[:MOST_ROWS]:
        first = of[0]
        p, q = first["neurons_a"], first["neurons_b"]
        values = {_column(row): _value(row) for row in of}
        table.add_row(
            *((model_a, model_b) if many else ()),
            *((layer_a,) if same else (layer_a, layer_b)),
            str(p) if p == q else f"{p}, {q}",
            str(first["samples"] // max(1, first["examples"])),
            f"{first['samples']:,}",
            *(values.get(name, "") for name in measures),
        )
    console.print(table)
    if len(pairs) > MOST_ROWS:
        say(f"And {len(pairs) - MOST_ROWS:,} more pairs of layers: --output FOLDER writes all.")
    console.print(_words(found), highlight=False)
    for note in found.notes:
        say(note)
    _print_cautions(pairs, many=many)


def _print_cautions(pairs: dict[tuple[str, ...], list[dict[str, Any]]], *, many: bool) -> None:
    said: dict[str, None] = {}
    for (model_a, layer_a, model_b, layer_b), of in pairs.items():
        name = layer_a if layer_a == layer_b else f"{layer_a} and {layer_b}"
        name += f" of {model_a} and {model_b}" if many else ""
        said |= {f"{name}: {row['caution']}": None for row in of if row["caution"]}
    for caution in list(said)[:MOST_CAUTIONS]:
        say(caution)
    if len(said) > MOST_CAUTIONS:
        say(f"And {len(said) - MOST_CAUTIONS} more cautions, in the tables of --output.")


def _column(row: dict[str, Any]) -> tuple[str, str]:
    """A measure, and the head of its column."""
    measure, epsilon = row["measure"], row["epsilon"]
    plain = measure.removesuffix("[centred]")
    if epsilon is not None:
        return measure, f"ε={epsilon:g}"
    return measure, LONG.get(plain, measure.partition("[")[0])


def _order(column: tuple[str, str]) -> tuple[bool, bool, float]:
    """The match by ε, its area, then the others as they were asked for."""
    measure, head = column
    at = float(head.removeprefix("ε=")) if head.startswith("ε=") else 0.0
    return not measure.startswith("match"), not measure.startswith("area"), at


def _value(row: dict[str, Any]) -> str:
    if row["value"] is None:
        return "undefined"
    shown = f"{row['value']:.3f}"
    if row.get("interval_low") is not None:
        shown += f" [{row['interval_low']:.3f}, {row['interval_high']:.3f}]"
    if row.get("p_value") is not None:
        shown += f" p={row['p_value']:.2g}"
    return shown


def _words(found: "Comparison") -> str:
    measures = list(dict.fromkeys(found.rows["measure"]))
    sentences = []
    if any(name.startswith("match") for name in measures):
        centred = any(name.endswith("[centred]") for name in measures)
        sentences.append(
            f"Maximum match similarity (share of both sides' neurons), "
            f"{'centred' if centred else 'uncentred'}; area under the "
            "match curve"
        )
    for name in measures:
        if not name.startswith(("match", "area under")):
            linear = name == "cka[linear,centred,biased]"
            sentences.append("linear CKA (centred, biased)" if linear else name)
    known = found.rows.columns
    if "interval_low" in known and found.rows["interval_low"].count():
        sentences.append("in brackets the 90 % interval, corrected for few examples")
    if "p_value" in known and found.rows["p_value"].count():
        sentences.append("p: as much similarity of permuted examples")
    words = "; ".join(sentences)
    return f"{words}."
