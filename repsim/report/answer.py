"""The answer in words: to what extent do the networks match, where, and how sure is it?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from repsim.report.course import SMALL_CHANGE, course
from repsim.report.jumps import jump_point
from repsim.report.measure_layers import USUAL_EPSILON, MeasureLayers
from repsim.report.nulls import null_points
from repsim.report.phrasing import code, listing, number, tolerance
from repsim.report.scores import Score, score_of
from repsim.report.simple_words import simple_point
from repsim.report.summary import Floats, Summary, over_pairs
from repsim.text import count

# Accuracies, or values of R², that differ by more are set beside the similarities (our reading).
ALIKE_SCORE = 0.02


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The headline and the further findings, most important first."""

    lead: str
    points: tuple[str, ...]


def answer(
    summary: Summary, measures: Sequence[MeasureLayers] = (), found: Sequence[str] = ()
) -> Answer:
    """The findings of a study, computed from its numbers; others, as of its groups, are given."""
    if not np.isfinite(summary.similarity).any():
        none = (
            "No layers of a pair of networks were compared with each other, so there is no "
            "similarity by layer to report."
        )
        lead, *points = found or [none]
        return Answer(lead=lead, points=(*points, *_scores(summary, None)))
    focus, wide = summary.nearest_known(USUAL_EPSILON), summary.nearest_known(0.5)
    points = [*found, *_depth(summary, focus)]
    if wide != focus:
        points.append(_at(summary, wide))
    points += [
        *null_points(measures, pairs=len(summary.pairs)),
        *jump_point(summary),
        *simple_point(summary.simple),
        *_agreement(summary, focus),
        *_scores(summary, focus),
    ]
    return Answer(lead=_lead(summary, focus), points=tuple(points))


def extremes(values: Floats, names: tuple[str, ...]) -> tuple[list[str], str, list[str], str]:
    """Names and value, as it is printed, of the highest and of the lowest entries."""
    printed = [number(float(value)) for value in values]
    high, low = number(float(np.nanmax(values))), number(float(np.nanmin(values)))
    top, bottom = (
        [name for name, text in zip(names, printed, strict=True) if text == end]
        for end in (high, low)
    )
    return top, high, bottom, low


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
    if high == low:
        return f"{high} in every layer"
    verb = "matches" if len(top) == 1 else "match"
    most, least = _named_or_counted(top), _named_or_counted(bottom)
    return f"{most} {verb} most ({high}), {least} least ({low})"


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
    whose = "the mean similarity over pairs" if len(summary.pairs) > 1 else "similarity"
    words = course(mean, summary.names)
    return [f"With depth, {whose} at ε = {tolerance(summary.epsilons[place])} {words}."]


def _agreement(summary: Summary, focus: int) -> list[str]:
    if len(summary.pairs) < 2:
        return ["There is only one pair, so nothing here says how much another pair would differ."]
    _, low, high = over_pairs(summary.similarity[:, :, focus])
    spread = high - low
    widest = int(np.nanargmax(spread))
    epsilon = tolerance(summary.epsilons[focus])
    if not spread[widest]:
        return [f"At ε = {epsilon} the similarity of each layer is the same in every pair."]
    words = "The pairs agree" if spread[widest] < SMALL_CHANGE else "The pairs differ"
    return [
        f"{words}: at ε = {epsilon} they differ most at {code(summary.names[widest])}, from "
        f"{number(low[widest])} to {number(high[widest])}."
    ]


def _scores(summary: Summary, focus: int | None) -> list[str]:
    score = score_of(summary.networks)
    done = summary.networks.filter(
        (pl.col("status") == "done") & pl.col(score.test).is_not_null()
    ).sort(score.test, maintain_order=True)
    if not done.height:
        return []
    names, values = done["network"].to_list(), done[score.test].to_list()
    low, high = score.words(values[0]), score.words(values[-1])
    if values[0] == values[-1]:
        who = code(names[0]) if done.height == 1 else f"Each of {done.height} networks"
        return [f"{who} reaches {score.prefix}{low} on the test split."]
    words = (
        f"On the test split the {score.plural} run from {low} ({code(names[0])}) to {high} "
        f"({code(names[-1])})."
    )
    if values[-1] - values[0] <= ALIKE_SCORE + 1e-9 or focus is None:
        return [words]
    return [f"{words} {_of_the_worst(summary, focus, names[-score.low_is_good], score)}"]


def _of_the_worst(summary: Summary, focus: int, network: str, score: Score) -> str:
    """Whether the pairs of the network of the worst score are less similar than the others."""
    values = summary.similarity[:, :, focus]
    values = values[:, np.isfinite(values).all(axis=0)]  # Layers that every pair has.
    its = np.array([network in pair for pair in summary.pairs])
    if its.all() or not its.any() or not values.size:
        return "These pairs cannot tell whether that makes a difference to their similarity."
    with_it, without = number(float(values[its].mean())), number(float(values[~its].mean()))
    words = (
        f"At ε = {tolerance(summary.epsilons[focus])} the pairs of {code(network)} have a mean "
        f"similarity over layers of {with_it}, the others of {without}"
    )
    if values[its].mean() < values[~its].mean() and with_it != without:
        return f"{words}."
    bad = "high" if score.low_is_good else "low"
    return f"{words}: {bad} {score.name} does not go with low similarity here."
