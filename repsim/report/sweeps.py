"""Similarity within variants against what was swept, and against the held-out score."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from repsim.report.groups import GroupMeasure, Groups
from repsim.report.phrasing import code, number
from repsim.report.scores import Score, score_of
from repsim.report.summary import Floats
from repsim.text import count
from repsim.uncertainty import Correlation, correlation, p_words

__all__ = ["Sweep", "Trend", "score_trend", "score_words", "sweep_words", "swept"]

# Values that span more than this are on a logarithmic axis.
_WIDE_SPAN = 10.0


@dataclass(frozen=True, kw_only=True)
class Trend:
    """Similarity within each of some variants against a number that each variant has."""

    measure: GroupMeasure
    variants: tuple[int, ...]  # Places in the groups' variants.
    x: Floats  # (variants,)
    layers: Floats  # (variants, layers), mean over the pairs of each variant.
    mean: Floats  # (variants,), mean over the layers that all of them have.
    deviation: Floats  # (variants,), standard deviation of the pairs' means over layers.
    pearson: Correlation | None
    spearman: Correlation | None
    score: Score | None = None  # Which score the number is, if it is one.


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A swept key and the trend along it."""

    key: str
    trend: Trend

    @property
    def logarithmic(self) -> bool:
        """Whether the values are positive and span much, or are multiples of each other."""
        values = np.unique(self.trend.x)
        if values[0] <= 0:
            return False
        ratios = values[1:] / values[:-1]
        geometric = len(values) > 2 and np.allclose(ratios, ratios[0], rtol=0.01)
        return bool(values[-1] > _WIDE_SPAN * values[0] or geometric)


def swept(groups: Groups, sweep: Mapping[str, Mapping[str, float]]) -> tuple[Sweep, ...]:
    """The trend along every key of which at least two variants have different numbers."""
    found = []
    for key in dict.fromkeys(key for values in sweep.values() for key in values):
        x = np.array([sweep.get(name, {}).get(key, np.nan) for name in groups.variants])
        trend = _trend(groups, x.astype(np.float64))
        if trend and np.ptp(trend.x):
            found.append(Sweep(key=key, trend=trend))
    return tuple(found)


def score_trend(groups: Groups, networks: pl.DataFrame) -> Trend | None:
    """The trend along the mean score of each variant, or None where it does not vary."""
    score = score_of(networks)
    values = dict(networks.select("network", score.test).iter_rows())
    known = np.array([values[name] for name in groups.networks], dtype=np.float64)
    x = np.full(len(groups.variants), np.nan)
    for place in range(len(groups.variants)):
        mine = known[groups.variant_of == place]
        if np.isfinite(mine).any():
            x[place] = mine[np.isfinite(mine)].mean()
    trend = _trend(groups, x)
    return replace(trend, score=score) if trend and trend.spearman else None


def sweep_words(sweep: Sweep) -> str:
    """How similarity goes with the key, with the rank correlation."""
    trend = sweep.trend
    low, high = trend.x.min(), trend.x.max()
    ends = [number(float(trend.mean[trend.x == end].mean())) for end in (low, high)]
    words = (
        f"The {_lowered(trend.measure.name)} within a variant is {ends[0]} at {code(sweep.key)} = "
        f"{low:g} and {ends[1]} at {high:g}, as a mean over layers"
    )
    if trend.spearman is None:
        return f"{words}."
    return f"{words} (Spearman’s ρ = {_coefficient(trend.spearman)} over {_points(trend)})."


def score_words(trend: Trend) -> str:
    """How similarity goes with the score, with both correlations."""
    score = trend.score
    assert trend.spearman is not None
    assert score is not None
    low, high = (score.words(float(end)) for end in (trend.x.min(), trend.x.max()))
    words = (
        f"Over {count(len(trend.variants), 'variant')}, whose {score.name} on the test split runs "
        f"from {low} to {high}, the mean "
        f"{_lowered(trend.measure.name)} within a variant has with it a rank correlation of "
        f"{_coefficient(trend.spearman)} (Spearman, {_p(trend.spearman)})"
    )
    if trend.pearson is None:
        return f"{words}."
    return f"{words} and a linear one of {_coefficient(trend.pearson)} ({_p(trend.pearson)})."


def _trend(groups: Groups, x: Floats) -> Trend | None:
    """The trend over variants with a number and with pairs, or None of fewer than two."""
    each, measure = groups.each, groups.leading
    layers, _ = each.over_pairs(measure.values)
    places = {each.names[place]: place for place, within in enumerate(each.within) if within}
    variants = [
        variant
        for variant, name in enumerate(groups.variants)
        if np.isfinite(x[variant]) and name in places and np.isfinite(layers[places[name]]).any()
    ]
    rows = [places[groups.variants[variant]] for variant in variants]
    common = np.isfinite(layers[rows]).all(axis=0)
    if len(variants) < 2 or not common.any():
        return None
    mean, deviation = each.over_pairs(measure.values[:, common].mean(axis=1, keepdims=True))
    known = layers[rows][:, common].mean(axis=1)
    return Trend(
        measure=measure,
        variants=tuple(variants),
        x=x[variants],
        layers=layers[rows],
        mean=known,
        deviation=np.where(np.isfinite(mean[rows, 0]), deviation[rows, 0], np.nan),
        pearson=correlation(x[variants], known, "pearson"),
        spearman=correlation(x[variants], known, "spearman"),
    )


def _points(trend: Trend) -> str:
    assert trend.spearman is not None
    return f"{count(len(trend.variants), 'variant')}, {_p(trend.spearman)}"


def _p(found: Correlation) -> str:
    return p_words(found.p_value, found.permutations)


def _coefficient(found: Correlation) -> str:
    """Two places, with a sign that is no hyphen.

    >>> _coefficient(Correlation(value=-0.5, p_value=0.1, points=5, permutations=119))
    '−0.50'
    """
    return f"{found.value:.2f}".replace("-", "−")


def _lowered(name: str) -> str:
    return f"{name[0].lower()}{name[1:]}"
