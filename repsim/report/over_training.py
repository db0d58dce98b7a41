"""Similarity against training step: of snapshots with their network, and of two networks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from repsim.report.measure_layers import USUAL_EPSILON, short_name
from repsim.report.phrasing import code, number, tolerance
from repsim.report.summary import Floats, nearest
from repsim.results import (
    MAXIMUM_MATCH,
    Tables,
    between_networks,
    settling_step,
    with_final,
)
from repsim.uncertainty import correlation

__all__ = [
    "MOST_PANELS",
    "Development",
    "OverTraining",
    "StepsSection",
    "development_words",
    "over_training",
    "settling_words",
    "steps_section",
]

# More variants or groups than this are drawn and listed no more.
MOST_PANELS = 6

# Steps below this have a decimal.
EARLY = 100


@dataclass(frozen=True, kw_only=True)
class Development:
    """A measure of every layer at every snapshot, for one variant or one group of pairs."""

    name: str  # Of the variant or group; empty where there are no variants.
    layers: tuple[str, ...]  # By depth.
    steps: Floats  # (snapshots,), rising.
    mean: Floats  # (snapshots, layers), NaN where there is none.
    deviation: Floats
    pairs: int  # At most, that a mean is over.


@dataclass(frozen=True, kw_only=True)
class OverTraining:
    """One measure over training."""

    measure: str
    with_final: tuple[Development, ...]  # A variant each; without the end, where all is 1.
    between: tuple[Development, ...]  # A group each.
    ends: dict[str, int]  # By variant, the step at which its networks are trained.

    def settling(self, of: Development) -> Floats:
        """Of each layer, the step at which it settles: `settling_step`; NaN if not known.

        From a single snapshot, a straight line to the end is half way up in the middle, always.
        """
        return np.array(
            [
                settling_step(of.steps[known], values[known], self.ends[of.name])
                if (known := np.isfinite(values)).sum() > 1 and of.name in self.ends
                else np.nan
                for values in of.mean.T
            ]
        )


@dataclass(frozen=True, kw_only=True)
class StepsSection:
    """What the page says of training."""

    snapshots: int  # Of a network, at most.
    points: tuple[str, ...]  # For the answer at the top of the page.
    measures: tuple[str, ...]
    variants: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]  # A layer, and a step for each of both.
    note: str


def over_training(tables: Tables) -> tuple[OverTraining, ...]:
    """The measures that stand for all, debiased CKA or another first; none without snapshots."""
    networks = tables.networks
    if networks["snapshot"].is_null().all():
        return ()
    trained = networks.filter(pl.col("snapshot").is_null(), pl.col("step").is_not_null())
    ends = dict(trained.group_by("variant").agg(pl.col("step").max()).iter_rows())
    found = []
    for name, rows in _measured(tables.results):
        final = tuple(_developments(with_final(rows), "variant"))
        between = tuple(_developments(between_networks(rows), "group"))
        if final or between:
            found.append(OverTraining(measure=name, with_final=final, between=between, ends=ends))
    return tuple(found)


def steps_section(found: Sequence[OverTraining]) -> StepsSection | None:
    """The table of when layers settle, or None where no snapshot is compared with its network."""
    shown = [one for one in found if one.with_final]
    if not shown:
        return None
    variants = tuple(of.name for of in shown[0].with_final[:MOST_PANELS])
    settled = {
        (one.measure, of.name): dict(zip(of.layers, one.settling(of), strict=True))
        for one in shown
        for of in one.with_final
    }
    layers = dict.fromkeys(layer for of in shown[0].with_final for layer in of.layers)
    rows = tuple(
        (
            code(layer),
            tuple(
                _step(settled.get((one.measure, name), {}).get(layer, np.nan))
                for one in shown
                for name in variants
            ),
        )
        for layer in layers
    )
    return StepsSection(
        snapshots=max(len(of.steps) for of in shown[0].with_final),
        points=tuple(settling_words(shown[0], of) for of in shown[0].with_final[:MOST_PANELS]),
        measures=tuple(one.measure for one in shown),
        variants=variants,
        rows=rows,
        note=(
            "Step from which on a layer has come at least half of the way from what it was at the "
            "first snapshot to what it is when trained, by its mean similarity to the trained "
            "network; between snapshots by a straight line."
        ),
    )


def settling_words(one: OverTraining, of: Development) -> str:
    """Which layers settle first, and whether that goes from the bottom up."""
    settled = one.settling(of)
    known = np.flatnonzero(np.isfinite(settled))
    whose = f" of {code(of.name)}" if of.name else ""
    if not known.size:
        return f"When the layers{whose} settle is not known: that takes two snapshots at least."
    first, last = known[settled[known].argmin()], known[settled[known].argmax()]
    if _step(settled[first]) == _step(settled[last]):
        layers = "all layers" if known.size > 1 else code(of.layers[first])
        return (
            f"Over training, {layers}{whose} {'settle' if known.size > 1 else 'settles'} (half "
            f"way) after {_step(settled[first])} steps, by {one.measure}."
        )
    words = (
        f"Over training, {code(of.layers[first])}{whose} settles first (half way after "
        f"{_step(settled[first])} steps) and {code(of.layers[last])} last "
        f"({_step(settled[last])}), by {one.measure}"
    )
    rank = correlation(known.astype(np.float64), settled[known], "spearman")
    if rank is None:
        return f"{words}."
    return f"{words}; rank correlation of depth with that step {number(rank.value)}."


def development_words(found: Sequence[Development]) -> str:
    """How the mean over layers goes from the first snapshot to the last."""
    sentences = []
    for of in found[:MOST_PANELS]:
        first, last = (float(np.nanmean(of.mean[at])) for at in (0, -1))
        whose = f" ({code(of.name)})" if of.name else ""
        sentences.append(
            f"from {number(first)} at step {_step(of.steps[0])} to {number(last)} at step "
            f"{_step(of.steps[-1])}{whose}"
        )
    return f"The mean over layers goes {'; '.join(sentences)}."


def _measured(results: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Name and rows of at most three measures: one without ε, PWCCA or SVCCA, the match."""
    plain = results.filter(pl.col("epsilon").is_null())["measure"].unique(maintain_order=True)
    for kinds in (("cka[",), ("pwcca[", "svcca[", "cca[")):
        names = [name for kind in kinds for name in plain if name.startswith(kind)]
        names.sort(key=lambda name: "debiased" not in name)
        if names:
            yield short_name(names[0]), results.filter(pl.col("measure") == names[0])
    matches = results.filter(pl.col("measure") == MAXIMUM_MATCH)
    epsilons = matches["epsilon"].drop_nulls().unique().sort().to_list()
    if epsilons:
        epsilon = epsilons[nearest(epsilons, USUAL_EPSILON)]
        yield f"match at ε = {tolerance(epsilon)}", matches.filter(pl.col("epsilon") == epsilon)


def _developments(rows: pl.DataFrame, by: str) -> Iterator[Development]:
    for name in rows[by].unique(maintain_order=True):
        mine = rows.filter(pl.col(by) == name)
        layers = mine.select("layer", "depth").unique(maintain_order=True).sort("depth")["layer"]
        steps = mine["step"].unique().sort()
        places = (
            [dict(zip(steps, range(len(steps)), strict=True))[step] for step in mine["step"]],
            [dict(zip(layers, range(len(layers)), strict=True))[layer] for layer in mine["layer"]],
        )
        mean, deviation = (np.full((len(steps), len(layers)), np.nan) for _ in range(2))
        mean[places], deviation[places] = mine["value"].to_numpy(), mine["deviation"].to_numpy()
        yield Development(
            name=name,
            layers=tuple(layers),
            steps=steps.to_numpy().astype(np.float64),
            mean=mean,
            deviation=deviation,
            pairs=int(mine["pairs"].max()),  # type: ignore[arg-type]
        )


def _step(step: float) -> str:
    if not np.isfinite(step):
        return "–"
    # Between snapshots of early steps, layers differ by less than a step.
    return f"{step:,.0f}" if step >= EARLY or step == round(step) else f"{step:.1f}"
