"""The answer in words: to what extent do the networks match, where, and how sure is it?"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from repsim.report.phrasing import code, count, listing, number, percent, tolerance
from repsim.report.simple_words import simple_point
from repsim.report.summary import Floats, Summary, nearest, over_pairs

# Two values that print alike to two places are called equal.
SAME = 0.005
# A change over depth smaller than this is not called a change (our reading).
SMALL_CHANGE = 0.10
# Probe accuracies this close are called alike (our reading).
ALIKE_ACCURACY = 0.02
# A rise that takes in this share of a layer at one epsilon is called a jump (our reading).
LARGE_JUMP = 0.25


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The headline and the further findings, most important first."""

    lead: str
    points: tuple[str, ...]


def answer(summary: Summary) -> Answer:
    """The findings of a study, computed from its numbers."""
    if not np.isfinite(summary.similarity).any():
        return Answer(
            lead="No pair of networks could be compared, so there is no similarity to report.",
            points=tuple(_accuracy(summary)),
        )
    focus = nearest(summary.epsilons, 0.3)
    wide = nearest(summary.epsilons, 0.5)
    points = [*_depth(summary, focus)]
    if wide != focus:
        points.append(_at(summary, wide))
    points += [
        *_jumps(summary),
        *simple_point(summary.simple),
        *_agreement(summary, focus),
        *_accuracy(summary),
    ]
    return Answer(lead=_lead(summary, focus), points=tuple(points))


def extremes(values: Floats, names: tuple[str, ...]) -> tuple[list[str], float, list[str], float]:
    """Names and value of the highest and of the lowest entries, equal ones together."""
    high, low = float(np.nanmax(values)), float(np.nanmin(values))
    top = [name for name, value in zip(names, values, strict=True) if value >= high - SAME]
    bottom = [name for name, value in zip(names, values, strict=True) if value <= low + SAME]
    return top, high, bottom, low


def course(values: Floats, names: tuple[str, ...]) -> str:
    """How values go with depth: `falls …, then rises …`. At least two finite values."""
    known = np.isfinite(values)
    values = values[known]
    names = tuple(name for name, there in zip(names, known, strict=True) if there)
    first, last, span = float(values[0]), float(values[-1]), float(np.ptp(values))
    if span < SMALL_CHANGE:
        return f"stays between {number(values.min())} and {number(values.max())}"
    turn = 0.3 * span
    low, high = int(values.argmin()), int(values.argmax())
    ends = f"{number(first)} at {code(names[0])}", f"{number(last)} at {code(names[-1])}"
    one_valley = min(first, last) - values[low] >= turn
    one_hill = values[high] - max(first, last) >= turn
    if one_valley and not one_hill:
        return (
            f"falls from {ends[0]} to {number(values[low])} at {code(names[low])}, "
            f"then rises to {ends[1]}"
        )
    if one_hill and not one_valley:
        return (
            f"rises from {ends[0]} to {number(values[high])} at {code(names[high])}, "
            f"then falls to {ends[1]}"
        )
    if abs(last - first) >= 0.6 * span:
        return f"{'rises' if last > first else 'falls'} with depth, from {ends[0]} to {ends[1]}"
    return (
        f"goes up and down, between {number(values[low])} at {code(names[low])} "
        f"and {number(values[high])} at {code(names[high])}"
    )


def _lead(summary: Summary, focus: int) -> str:
    epsilon = tolerance(summary.epsilons[focus])
    mean, _, _ = over_pairs(summary.similarity[:, :, focus])
    pairs = count(len(summary.pairs), "pair")
    average = number(float(np.nanmean(mean)))
    if np.isfinite(mean).sum() == 1:
        return (
            f"At ε = {epsilon} the maximum match holds {average} of the neurons of "
            f"{code(summary.names[int(np.nanargmax(mean))])}."
            if len(summary.pairs) == 1
            else f"At ε = {epsilon} the maximum match holds on average {average} of the neurons of "
            f"{code(summary.names[int(np.nanargmax(mean))])} ({pairs})."
        )
    return (
        f"At ε = {epsilon} the maximum match holds on average {average} of a layer’s neurons "
        f"({count(int(np.isfinite(mean).sum()), 'layer')}, {pairs}): "
        f"{_ends(mean, summary.names)}."
    )


def _ends(mean: Floats, names: tuple[str, ...]) -> str:
    top, high, bottom, low = extremes(mean, names)
    if high - low < 2 * SAME:
        return f"every layer stands near {number(high)}"
    verb = "matches" if len(top) == 1 else "match"
    most, least = _named_or_counted(top), _named_or_counted(bottom)
    return f"{most} {verb} most ({number(high)}), {least} least ({number(low)})"


def _named_or_counted(names: list[str]) -> str:
    return listing(names) if len(names) <= 3 else count(len(names), "layer")


def _at(summary: Summary, place: int) -> str:
    mean, _, _ = over_pairs(summary.similarity[:, :, place])
    words = (
        f"At ε = {tolerance(summary.epsilons[place])} the mean is {number(float(np.nanmean(mean)))}"
    )
    if np.isfinite(mean).sum() < 2:
        return f"{words}."
    return f"{words}; {_ends(mean, summary.names)}."


def _depth(summary: Summary, place: int) -> list[str]:
    mean, _, _ = over_pairs(summary.similarity[:, :, place])
    if np.isfinite(mean).sum() < 3:
        return []
    epsilon = tolerance(summary.epsilons[place])
    return [f"With depth, similarity at ε = {epsilon} {course(mean, summary.names)}."]


def _jumps(summary: Summary) -> list[str]:
    size, _, _ = over_pairs(summary.jump.size)
    epsilon, _, _ = over_pairs(summary.jump.epsilon)
    known = int(np.isfinite(size).sum())
    if not known:
        return []
    largest = int(np.nanargmax(size))
    jumping = int((size >= LARGE_JUMP).sum())
    if not jumping:
        return [
            "The match grows gradually with ε: no layer takes in as much as "
            f"{100 * LARGE_JUMP:g} % of its neurons at a single ε."
        ]
    return [
        f"The match curve jumps in {jumping} of {count(known, 'layer')}: the largest single rise "
        f"is at {code(summary.names[largest])}, where {percent(float(size[largest]))} of the "
        f"neurons enter the match together near ε = {number(float(epsilon[largest]))}. Just below "
        "a jump the layers look different, just above it alike."
    ]


def _agreement(summary: Summary, focus: int) -> list[str]:
    if len(summary.pairs) < 2:
        return ["There is only one pair, so nothing here says how much another pair would differ."]
    _, low, high = over_pairs(summary.similarity[:, :, focus])
    spread = high - low
    widest = int(np.nanargmax(spread))
    epsilon = tolerance(summary.epsilons[focus])
    if spread[widest] < SMALL_CHANGE:
        return [
            f"The pairs agree: at ε = {epsilon} they differ by at most "
            f"{number(spread[widest])} in any layer."
        ]
    return [
        f"The pairs differ most at {code(summary.names[widest])}: from {number(low[widest])} to "
        f"{number(high[widest])} at ε = {epsilon}."
    ]


def _accuracy(summary: Summary) -> list[str]:
    done = summary.networks.filter(
        (pl.col("status") == "done") & pl.col("probe_accuracy").is_not_null()
    ).sort("probe_accuracy", maintain_order=True)
    if not done.height:
        return []
    names, values = done["network"].to_list(), done["probe_accuracy"].to_list()
    if done.height == 1:
        return [f"{code(names[0])} reaches {percent(values[0])} on the probe split."]
    between = f"between {percent(values[0])} and {percent(values[-1])} on the probe split"
    if values[-1] - values[0] <= ALIKE_ACCURACY:
        return [f"The networks are comparable in accuracy: {between}."]
    return [
        f"The networks are not comparable in accuracy: {between} ({code(names[0])} lowest, "
        f"{code(names[-1])} highest). Where similarity is low, one of them may simply have "
        "learned less."
    ]
