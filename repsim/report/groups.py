"""Pairs of networks in groups: within a variant of the study, and between two variants."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from repsim.report.measure_layers import USUAL_EPSILON, short_name
from repsim.report.phrasing import tolerance
from repsim.report.summary import Floats, nearest
from repsim.results import AREA_UNDER_CURVE, MAXIMUM_MATCH, Tables, group_of

__all__ = ["MOST_GROUPS", "GroupMeasure", "Grouping", "Groups", "grouped"]

# More groups than there are colours are pooled as within and between.
MOST_GROUPS = 6

# The second ε that is shown, where a study has it.
WIDE_EPSILON = 0.5

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class GroupMeasure:
    """One measure of every pair."""

    name: str
    convention: str
    values: Floats  # (pairs, layers), NaN where there is none.
    similarity: bool  # Whether a larger value certainly means more similar.


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """Groups of pairs that are shown together."""

    names: tuple[str, ...]
    within: tuple[bool, ...]  # Whether each group is of pairs within a variant.
    of_pair: Ints  # (pairs,), place in names.

    def over_pairs(self, values: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of each group and layer, (groups, layers) each.

        NaN where a group has no value; the deviation also where it has one only.
        """
        mean, deviation = (np.full((len(self.names), values.shape[1]), np.nan) for _ in range(2))
        for place in range(len(self.names)):
            mine = values[self.of_pair == place]
            known = np.isfinite(mine)
            counts = known.sum(axis=0)
            sums = np.where(known, mine, 0.0).sum(axis=0)
            mean[place, counts > 0] = (sums / np.maximum(counts, 1))[counts > 0]
            squares = np.where(known, (mine - mean[place]) ** 2, 0.0).sum(axis=0)
            deviation[place, counts > 1] = np.sqrt(squares / np.maximum(counts - 1, 1))[counts > 1]
        return mean, deviation

    def pairs(self, place: int) -> int:
        """How many pairs a group has."""
        return int((self.of_pair == place).sum())


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Every pair of a study with at least two variants, with its networks and its group."""

    variants: tuple[str, ...]  # Those with a network that was compared, in the study's order.
    networks: tuple[str, ...]  # Those that were compared, in the study's order.
    variant_of: Ints  # (networks,), place in variants.
    first: Ints  # (pairs,), place in networks.
    second: Ints
    layers: tuple[str, ...]  # By depth.
    measures: tuple[GroupMeasure, ...]  # The match first.
    each: Grouping  # A group for each variant and each two variants.
    shown: Grouping  # The same, or pooled as within and between where they are many.

    @property
    def pooled(self) -> bool:
        """Whether groups were too many to be shown one by one."""
        return self.shown is not self.each

    @property
    def leading(self) -> GroupMeasure:
        """The measure that words and tables lead with: the match with no ε to choose, if known."""
        areas = (one for one in self.measures if one.convention == AREA_UNDER_CURVE)
        return next(areas, self.measures[0])

    @property
    def overall(self) -> GroupMeasure:
        """The measure that a map of networks is of: debiased CKA, another CKA, or the leading."""
        kernels = [one for one in self.measures if one.convention.startswith("cka[")]
        debiased = [one for one in kernels if "debiased" in one.convention]
        return (*debiased, *kernels, self.leading)[0]


def grouped(tables: Tables, variants: Sequence[str] = ()) -> Groups | None:
    """The pairs in groups, or None where fewer than two variants were compared.

    Parameters
    ----------
    tables
        Tables of the study.
    variants
        Their names in the study's order; those that are not named follow in that of the tables.
    """
    results = tables.results
    measures = _measured(results)
    if not measures:
        return None
    compared = {*results["network_a"].unique(), *results["network_b"].unique()}
    rows = tables.networks.filter(pl.col("network").is_in(compared))
    present = set(rows["variant"])
    names = tuple(dict.fromkeys(v for v in (*variants, *rows["variant"]) if v in present))
    if len(names) < 2:
        return None
    networks = tuple(rows["network"])
    at_network = {name: place for place, name in enumerate(networks)}
    at_variant = {name: place for place, name in enumerate(names)}
    variant_of = np.array([at_variant[name] for name in rows["variant"]])
    pairs = results.select("network_a", "network_b").unique(maintain_order=True)
    layers = results.group_by("layer").agg(pl.col("depth").min()).sort("depth", "layer")["layer"]
    first, second = (
        np.array([at_network[name] for name in pairs[side]]) for side in ("network_a", "network_b")
    )
    each = _grouping(names, variant_of[first], variant_of[second])
    return Groups(
        variants=names,
        networks=networks,
        variant_of=variant_of,
        first=first,
        second=second,
        layers=tuple(layers),
        measures=tuple(
            GroupMeasure(
                name=name,
                convention=convention,
                values=_values(rows, pairs, layers),
                similarity=convention in (MAXIMUM_MATCH, AREA_UNDER_CURVE)
                or convention.startswith("cka["),
            )
            for name, convention, rows in measures
        ),
        each=each,
        shown=each if len(each.names) <= MOST_GROUPS else _pooled(each),
    )


def _measured(results: pl.DataFrame) -> list[tuple[str, str, pl.DataFrame]]:
    """Name, convention and rows: the match at two ε at most, then what has no ε."""
    known = results.filter(pl.col("value").is_not_null())
    matches = known.filter(pl.col("measure") == MAXIMUM_MATCH)
    epsilons = matches["epsilon"].drop_nulls().unique().sort().to_list()
    chosen = {epsilons[nearest(epsilons, e)] for e in (USUAL_EPSILON, WIDE_EPSILON) if epsilons}
    found = [
        (f"Match at ε = {tolerance(e)}", MAXIMUM_MATCH, matches.filter(pl.col("epsilon") == e))
        for e in sorted(chosen)
    ]
    others = known.filter(pl.col("epsilon").is_null())
    conventions = others["measure"].unique(maintain_order=True).to_list()
    short = [short_name(convention) for convention in conventions]
    for name, convention in zip(short, conventions, strict=True):
        rows = others.filter(pl.col("measure") == convention)
        found.append((name if short.count(name) == 1 else convention, convention, rows))
    return found


def _values(rows: pl.DataFrame, pairs: pl.DataFrame, layers: pl.Series) -> Floats:
    """The values of one measure as (pairs, layers)."""
    at_pair = pairs.with_row_index("pair")
    at_layer = pl.DataFrame({"layer": layers}).with_row_index("place")
    found = rows.join(at_pair, on=["network_a", "network_b"]).join(at_layer, on="layer")
    values = np.full((pairs.height, len(layers)), np.nan)
    values[found["pair"].to_numpy(), found["place"].to_numpy()] = found["value"].to_numpy()
    return values


def _grouping(variants: Sequence[str], first: Ints, second: Ints) -> Grouping:
    """A group for each variant, and for each two that were compared."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    present = sorted(set(zip(low.tolist(), high.tolist(), strict=True)))
    present.sort(key=lambda group: group[0] != group[1])
    places = {group: place for place, group in enumerate(present)}
    return Grouping(
        names=tuple(group_of(variants[a], variants[b]) for a, b in present),
        within=tuple(a == b for a, b in present),
        of_pair=np.array([places[pair] for pair in zip(low.tolist(), high.tolist(), strict=True)]),
    )


def _pooled(each: Grouping) -> Grouping:
    """All groups within a variant as one, all between two as another."""
    between = ~np.array(each.within)
    known = [name for name, is_it in (("within", False), ("between", True)) if is_it in between]
    return Grouping(
        names=tuple(known),
        within=tuple(name == "within" for name in known),
        of_pair=between[each.of_pair].astype(np.int64) if len(known) == 2 else each.of_pair * 0,
    )
