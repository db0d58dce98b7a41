"""Every layer against every other, as arrays over networks or pairs × layers × layers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from repsim.across import FIRST_COMPONENT_COSINE, LinearCKA, longest_block
from repsim.examples import Features

__all__ = ["AcrossLayers", "Map", "across_layers"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Map:
    """One measure; NaN where there is no value, or no such layer."""

    within: Floats  # (networks, layers, layers)
    between: Floats  # (pairs, layers, layers), each pair both ways in one: see `across_layers`.
    pairs: tuple[tuple[int, int], ...]  # Places of both networks.

    @property
    def mean_within(self) -> Floats:
        """Mean over networks."""
        return _mean(self.within)

    @property
    def mean_between(self) -> Floats:
        """Mean over pairs of networks."""
        return _mean(self.between)


@dataclass(frozen=True, kw_only=True)
class AcrossLayers:
    """What is known of all layers with one kind of features.

    Layers are in the order of depth, each at the greatest that it has in any network: networks of
    one family then have theirs in the order of the deepest.
    """

    features: Features
    networks: tuple[str, ...]
    names: tuple[str, ...]
    depths: Floats  # (networks, layers), NaN where a network has no such layer.
    examples: int  # Of the layer that has fewest.
    cka: Map  # Debiased: it can be read for layers of any width.
    rest: Map  # The same without the first component of each layer.
    cosines: Map  # Of first components, absolute.
    shares: Floats  # (networks, layers), of the variance, in the first component.

    @property
    def blocks(self) -> tuple[Ints, ...]:
        """Places of the layers in the longest block of each network; empty where it has none."""
        found = []
        for similarity, depths in zip(self.cka.within, self.depths, strict=True):
            own = depths.argsort()[: np.isfinite(depths).sum()]
            block = longest_block(similarity[np.ix_(own, own)])
            found.append(own[block.start : block.stop] if block else own[:0])
        return tuple(found)

    @property
    def words(self) -> str:
        """What stands for a feature map."""
        return (
            "Feature maps are averaged over positions"
            if self.features == "averaged"
            else "Feature maps are flattened"
        )


def across_layers(across: pl.DataFrame, principal: pl.DataFrame) -> tuple[AcrossLayers, ...]:
    """Arrays from the tables ACROSS and PRINCIPAL, for each kind of features.

    Two networks have no order, so of a pair the mean of both ways is taken.
    """
    kinds = across["features"].unique(maintain_order=True).to_list()
    return tuple(
        _of_features(
            kind,
            across.filter(pl.col("features") == kind),
            principal.filter(pl.col("features") == kind),
        )
        for kind in kinds
    )


def _of_features(features: Features, across: pl.DataFrame, principal: pl.DataFrame) -> AcrossLayers:
    sides = [across.select(layer=f"layer_{s}", depth=f"depth_{s}") for s in "ab"]
    names = tuple(
        pl.concat(sides)
        .group_by("layer")
        .agg(pl.col("depth").max())
        .sort("depth", "layer")["layer"]
    )
    networks = tuple(
        pl.concat([principal["network"], across["network_a"], across["network_b"]]).unique(
            maintain_order=True
        )
    )
    cka = LinearCKA(debiased=True, features=features)
    removed = LinearCKA(debiased=True, first_component="removed", features=features)

    def of(measure: str) -> Map:
        return _map(across.filter(pl.col("measure") == measure), networks, names)

    shares, depths = (np.full((len(networks), len(names)), np.nan) for _ in range(2))
    for side in "ab":
        ends = across.select(f"network_{side}", f"layer_{side}", f"depth_{side}").unique()
        for network, layer, depth in ends.iter_rows():
            depths[networks.index(network), names.index(layer)] = depth
    for network, layer, share in principal.select("network", "layer", "first_share").iter_rows():
        if share is not None and layer in names:
            shares[networks.index(network), names.index(layer)] = share
    return AcrossLayers(
        features=features,
        networks=networks,
        names=names,
        depths=depths,
        examples=int(principal["examples"].min() or 0),  # type: ignore[arg-type]
        cka=of(cka.convention),
        rest=of(removed.convention),
        cosines=of(FIRST_COMPONENT_COSINE),
        shares=shares,
    )


def _map(rows: pl.DataFrame, networks: tuple[str, ...], names: tuple[str, ...]) -> Map:
    place = {name: number for number, name in enumerate(names)}
    at = {network: number for number, network in enumerate(networks)}
    pairs = {
        pair: number
        for number, pair in enumerate(
            rows.filter(pl.col("network_a") != pl.col("network_b"))
            .select("network_a", "network_b")
            .unique(maintain_order=True)
            .iter_rows()
        )
    }
    within = np.full((len(networks), len(names), len(names)), np.nan)
    between = np.full((len(pairs), len(names), len(names)), np.nan)
    columns = ("network_a", "layer_a", "network_b", "layer_b", "value")
    for a, layer_a, b, layer_b, value in rows.select(columns).iter_rows():
        if value is not None:
            table = within[at[a]] if a == b else between[pairs[a, b]]
            table[place[layer_a], place[layer_b]] = value
    return Map(
        within=within,
        between=_mean(np.stack([between, between.transpose(0, 2, 1)])),
        pairs=tuple((at[a], at[b]) for a, b in pairs),
    )


def _mean(values: Floats) -> Floats:
    """Along the first axis, without what is missing; NaN where all is."""
    means: Floats = np.ma.masked_invalid(values).mean(axis=0).filled(np.nan)
    return means
