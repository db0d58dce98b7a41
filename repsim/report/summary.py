"""The numbers that words and figures share, as arrays over pairs × layers × epsilon."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from repsim.report.facts import StudyFacts
from repsim.report.simple_layers import SimpleLayer, simple_layers
from repsim.results import AREA_UNDER_CURVE, MAXIMUM_MATCH, Tables

Floats = npt.NDArray[np.float64]

# Fine enough to look continuous in print, coarse enough for 200 pairs × 60 layers.
CURVE_EPSILONS: Floats = np.linspace(0.0, 1.0, 201)


@dataclass(frozen=True, kw_only=True)
class LayerFacts:
    """One compared layer; of several pairs, the most cautious number."""

    name: str
    depth: int
    type: str
    neurons: int  # Of the wider side.
    samples: int  # Of the pair that has fewest.
    examples: int
    dead: float  # Dead neurons over all neurons of a pair, mean over pairs.

    @property
    def neurons_per_sample(self) -> float:
        """Neurons that may take part in a combination, per sample that it must fit."""
        return self.neurons / self.samples if self.samples else float("inf")


@dataclass(frozen=True, kw_only=True)
class Jump:
    """The largest single rise of a match curve: neurons that enter the match together."""

    epsilon: Floats  # (pairs, layers), NaN where there is none.
    size: Floats  # (pairs, layers), share of all neurons.


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Arrays in the order of `pairs`, `layers` (by depth) and `epsilons`; NaN: no such result."""

    pairs: tuple[tuple[str, str], ...]
    layers: tuple[LayerFacts, ...]
    epsilons: tuple[float, ...]
    similarity: Floats  # (pairs, layers, epsilons)
    corrected: Floats  # The same with the bias of few examples taken off.
    interval_low: Floats  # Interval over examples of the corrected similarity.
    interval_high: Floats
    null_high: Floats  # The largest similarity with all examples permuted.
    permutations: int | None  # Of the null: the fewest of any pair.
    area: Floats  # (pairs, layers)
    curves: Floats  # (pairs, layers, CURVE_EPSILONS)
    curves_low: Floats  # Interval over examples of each curve.
    curves_high: Floats
    jump: Jump
    simple: tuple[SimpleLayer, ...]  # By depth and epsilon; empty where nobody asked.
    networks: pl.DataFrame
    training: pl.DataFrame
    ties: int
    centred: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Layer names by depth."""
        return tuple(layer.name for layer in self.layers)

    @property
    def tolerances(self) -> tuple[float, ...]:
        """Every epsilon that has a colour: those of similarity and those of simple matches."""
        return tuple(sorted({*self.epsilons, *(simple.epsilon for simple in self.simple)}))

    def nearest_known(self, wanted: float) -> int:
        """Place of the epsilon nearest to the wanted one of those with any similarity."""
        known = np.flatnonzero(np.isfinite(self.similarity).any(axis=(0, 1)))
        return int(known[nearest([self.epsilons[place] for place in known], wanted)])

    @property
    def has_curves(self) -> bool:
        """Whether the critical epsilon of any neuron is known."""
        return bool(np.isfinite(self.curves).any())


def summarise(tables: Tables, facts: StudyFacts) -> Summary:
    """Arrays of the maximum match from the tables of a study."""
    matches = tables.results.filter(pl.col("measure") == MAXIMUM_MATCH)
    areas = tables.results.filter(pl.col("measure") == AREA_UNDER_CURVE)
    either = pl.concat([matches, areas])
    # `unique` with maintain_order keeps the order of the tables, which is the study's.
    pairs = tuple(either.select("network_a", "network_b").unique(maintain_order=True).iter_rows())
    layers = _layers(either, tables.layers)
    epsilons = tuple(
        sorted({*map(float, facts.epsilons), *matches["epsilon"].drop_nulls().to_list()})
    )
    at_pair = {pair: place for place, pair in enumerate(pairs)}
    at_layer = {layer.name: place for place, layer in enumerate(layers)}
    at_epsilon = {epsilon: place for place, epsilon in enumerate(epsilons)}
    shape = (len(pairs), len(layers))

    columns = ("value", "corrected", "interval_low", "interval_high", "null_high")
    similarity = {name: np.full((*shape, len(epsilons)), np.nan) for name in columns}
    for row in matches.drop_nulls("epsilon").iter_rows(named=True):
        pair = at_pair[row["network_a"], row["network_b"]]
        for name, array in similarity.items():
            if row[name] is not None:
                array[pair, at_layer[row["layer"]], at_epsilon[row["epsilon"]]] = row[name]
    area = np.full(shape, np.nan)
    for a, b, layer, value in areas.select("network_a", "network_b", "layer", "value").iter_rows():
        if value is not None:
            area[at_pair[a, b], at_layer[layer]] = value

    curves, curves_low, curves_high = (
        np.full((*shape, CURVE_EPSILONS.size), np.nan) for _ in range(3)
    )
    jump = Jump(epsilon=np.full(shape, np.nan), size=np.full(shape, np.nan))
    grouped = tables.neurons.group_by("network_a", "network_b", "layer", maintain_order=True).agg(
        "critical", "critical_low", "critical_high"
    )
    for a, b, layer, critical, low, high in zip(
        *(grouped[name] for name in grouped.columns), strict=True
    ):
        if (a, b) not in at_pair or layer not in at_layer:
            continue
        cell = at_pair[a, b], at_layer[layer]
        live = np.sort(critical.drop_nulls().to_numpy())
        curves[cell] = _share_reached(critical)
        if low.count():
            # A neuron without an upper end is not sure to be reached at any ε.
            curves_low[cell] = _share_reached(high)
            curves_high[cell] = _share_reached(low.fill_null(critical))
        # Ties and cascades leave together, so they share one critical epsilon.
        rises, counts = np.unique(np.round(live[live < 1], 9), return_counts=True)
        if rises.size:
            largest = int(counts.argmax())
            jump.epsilon[cell] = rises[largest]
            jump.size[cell] = counts[largest] / len(critical)
    return Summary(
        pairs=pairs,
        layers=layers,
        epsilons=epsilons,
        similarity=similarity["value"],
        corrected=similarity["corrected"],
        interval_low=similarity["interval_low"],
        interval_high=similarity["interval_high"],
        null_high=similarity["null_high"],
        permutations=matches["permutations"].min(),  # type: ignore[arg-type]
        area=area,
        curves=curves,
        curves_low=curves_low,
        curves_high=curves_high,
        jump=jump,
        simple=simple_layers(tables),
        networks=tables.networks,
        training=tables.training,
        ties=int(matches["ties"].sum() or 0),
        centred=facts.centred,
    )


def _share_reached(critical: pl.Series) -> Floats:
    """Share of all neurons, dead ones included, whose critical epsilon each ε reaches."""
    live = np.sort(critical.drop_nulls().to_numpy())
    return np.searchsorted(live, CURVE_EPSILONS, side="right") / len(critical)


def _layers(results: pl.DataFrame, described: pl.DataFrame) -> tuple[LayerFacts, ...]:
    # Of a layer that variants have in common, the type that the first of them gives it.
    types = dict(described.select("layer", "type").reverse().iter_rows())
    rows = (
        results.unique(["network_a", "network_b", "layer"], keep="first", maintain_order=True)
        .group_by("layer", maintain_order=True)
        .agg(
            pl.col("depth").min(),
            pl.max_horizontal("neurons_x", "neurons_y").max().alias("neurons"),
            pl.col("samples").min(),
            pl.col("examples").min(),
            ((pl.col("dead_x") + pl.col("dead_y")) / (pl.col("neurons_x") + pl.col("neurons_y")))
            .mean()
            .alias("dead"),
        )
        .sort("depth", "layer")
    )
    return tuple(
        LayerFacts(
            name=row["layer"],
            depth=row["depth"],
            type=types.get(row["layer"], ""),
            neurons=row["neurons"],
            samples=row["samples"],
            examples=row["examples"],
            dead=row["dead"] or 0.0,
        )
        for row in rows.iter_rows(named=True)
    )


def over_pairs(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, lowest and highest along the first axis, without missing pairs (all missing: NaN)."""
    if not values.shape[0]:
        empty = np.full(values.shape[1:], np.nan)
        return empty, empty, empty
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=RuntimeWarning)
        return np.nanmean(values, axis=0), np.nanmin(values, axis=0), np.nanmax(values, axis=0)


def nearest(epsilons: Sequence[float], wanted: float) -> int:
    """Place of the epsilon nearest to the wanted one; of two as near, the smaller."""
    return min(range(len(epsilons)), key=lambda i: (round(abs(epsilons[i] - wanted), 12), i))
