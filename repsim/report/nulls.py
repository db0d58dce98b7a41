"""What permutations of the examples say of the measures, in words."""

from collections.abc import Sequence

import numpy as np

from repsim.report.measure_layers import OF_MATCHES, Kind, MeasureLayers
from repsim.report.phrasing import code, listing, number
from repsim.report.summary import Summary, over_pairs
from repsim.text import count
from repsim.uncertainty import p_words

__all__ = ["PERMUTED", "QUESTIONS", "beyond_words", "largest_p", "null_points", "tension"]

PERMUTED: dict[Kind, str] = {
    "within": "permutations of the examples within their classes",
    "plain": "permutations of all examples",
}
QUESTIONS: dict[Kind, str] = {
    "within": "whether the networks agree on more than the classes",
    "plain": (
        "whether the networks saw the same inputs in the same order (untrained networks, and "
        "layers that share only the labels, pass nearly always)"
    ),
}


def null_points(measures: Sequence[MeasureLayers], *, pairs: int) -> list[str]:
    """The points of the answer: what the match is beyond, the stricter null first."""
    points = []
    for kind, permuted in PERMUTED.items():
        known = [one for one in measures if one.convention in OF_MATCHES and one.nulls[kind].known]
        if known:
            found = [beyond_words(one, kind, pairs=pairs) for one in known]
            names = [f"{one.name[0].lower()}{one.name[1:]}" for one in known]
            only = "" if kind == "within" else "only "
            points.append(
                f"{permuted.capitalize()} ask {only}{QUESTIONS[kind]}. The {names[0]} shows "
                f"more similarity than {_any_of(known, 'such permutation')} "
                + "; the ".join([found[0], *map(" ".join, zip(names[1:], found[1:], strict=True))])
                + "."
            )
    return points


def beyond_words(measure: MeasureLayers, kind: Kind, *, pairs: int) -> str:
    """At how many layers the measure is beyond a null, and the largest p there."""
    beyond = measure.beyond(kind)
    every, some = _counted(beyond)
    known = count(int(np.isfinite(beyond).any(axis=0).sum()), "layer")
    words = f"at {every} of {known}"
    if pairs > 1:
        words += " in every pair"
        if some > every:
            words += f" and at {some - every} more in some"
    p = largest_p(measure, kind, np.flatnonzero(_in_every(beyond)))
    return words if p is None else f"{words} (over all layers at once: {p_words(*p)})"


def largest_p(
    measure: MeasureLayers, kind: Kind, layers: Sequence[int] | np.ndarray
) -> tuple[float, int | None] | None:
    """The largest p, for all layers at once, of any pair at these layers, and the permutations."""
    p = measure.nulls[kind].p_value_layers[:, layers]
    if not np.isfinite(p).any():
        return None
    place = np.unravel_index(int(np.nanargmax(p)), p.shape)
    permutations = measure.permutations[:, layers][place]
    return float(p[place]), int(permutations) if np.isfinite(permutations) else None


def tension(summary: Summary, measures: Sequence[MeasureLayers], kind: Kind) -> str:
    """At how many layers the match and the others are beyond the null, and where they differ."""
    matches, others = (
        [one for one in measures if (one.convention in OF_MATCHES) == wanted]
        for wanted in (True, False)
    )
    known = [one for one in others if one.nulls[kind].known]
    if not matches or not matches[0].nulls[kind].known or not known:
        return f"{count(len(measures), 'measure')} of the same activations."
    match = matches[0]
    counts = [_counted(one.beyond(kind))[0] for one in known]
    most = [known[i].convention for i, found in enumerate(counts) if found == max(counts)]
    layers = count(len(summary.layers), "layer")
    every = " in every pair" if len(summary.pairs) > 1 else ""
    words = (
        f"{listing(most)} {'shows' if len(most) == 1 else 'show'} more similarity than "
        f"{_any_of([match, *known], 'permutation')}{PERMUTED[kind].removeprefix('permutations')}"
        f"{every} at {max(counts)} of {layers}, the {match.name[0].lower()}{match.name[1:]} at "
        f"{_counted(match.beyond(kind))[0]}"
    )
    if len(known) > len(most):
        words += ", and every other measure at fewer than the first"
    return f"{words}.{_largest_gap(summary, match, known)}"


def _largest_gap(summary: Summary, match: MeasureLayers, others: Sequence[MeasureLayers]) -> str:
    """Where a measure and the match differ most; means are over pairs that have both."""
    gaps = []
    for measure in others:
        both = np.isfinite(measure.calibrated) & np.isfinite(match.calibrated)
        values = [over_pairs(np.where(both, one.calibrated, np.nan))[0] for one in (measure, match)]
        gaps += [
            (float(values[0][layer]), float(values[1][layer]), layer, measure)
            for layer in np.flatnonzero(both.any(axis=0)).tolist()
        ]
    if not gaps:
        return ""
    first, second, layer, measure = max(gaps, key=lambda gap: abs(gap[0] - gap[1]))
    mean = ", as means over pairs" if len(summary.pairs) > 1 else ""
    return (
        " On the scale on which permutations of all examples give 0 and identical layers 1, the "
        f"match differs most from {code(measure.convention)} at {code(summary.names[layer])}: "
        f"{number(second)} and {number(first)}{mean}."
    )


def _in_every(beyond: np.ndarray) -> np.ndarray:
    """Layers beyond the null in every pair for which that is known, and in one at least."""
    known = np.isfinite(beyond)
    every: np.ndarray = known.any(axis=0) & (~known | (beyond == 1)).all(axis=0)
    return every


def _counted(beyond: np.ndarray) -> tuple[int, int]:
    """Layers beyond the null in every pair, and in any."""
    return int(_in_every(beyond).sum()), int((beyond == 1).any(axis=0).sum())


def _any_of(measures: Sequence[MeasureLayers], noun: str) -> str:
    """`any of 19 permutations`, or without their number where it is not one or not known."""
    numbers = {int(n) for one in measures for n in one.permutations[np.isfinite(one.permutations)]}
    return f"any of {count(numbers.pop(), noun)}" if len(numbers) == 1 else f"any {noun}"
