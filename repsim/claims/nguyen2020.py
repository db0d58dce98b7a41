"""Nguyen, Raghu and Kornblith 2020, "Do wide and deep networks learn the same things?".

The paper judges block structure by eye; every threshold is our reading. A block is the longest run
of consecutive layers with a mean CKA of at least 0.9 to each other, a quarter of all and at least
three. Networks that were not trained (``epochs = 0``) do not count. Source: arXiv:2010.15327.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from repsim.across.block_structure import LEAST_ALIKE
from repsim.claims.claim import Claim, Evidence, Judged
from repsim.results.across_layers import AcrossLayers, across_layers

__all__ = ["CLAIMS"]

NO_BLOCK = "No network has a block."


def _across(evidence: Evidence) -> AcrossLayers | str:
    """Layers of trained networks, with flattened feature maps, as in the paper, if there are."""
    networks = evidence.tables.networks
    trained = networks.filter(pl.col("variant").is_in(evidence.trained()))["network"].implode()
    found = across_layers(
        evidence.tables.across.filter(
            pl.col("network_a").is_in(trained), pl.col("network_b").is_in(trained)
        ),
        evidence.tables.principal.filter(pl.col("network").is_in(trained)),
    )
    if not found:
        return "No layers of trained networks were compared with all others (across.examples)."
    return next((one for one in found if one.features == "flattened"), found[0])


def _large_networks_have_a_block(evidence: Evidence) -> Judged:
    across = _across(evidence)
    if isinstance(across, str):
        return None, across
    trained = [evidence.settings[variant] for variant in evidence.trained()]
    data = [{k: v for k, v in one.items() if k.startswith("data.")} for one in trained]
    if any(of != data[0] for of in data):
        return None, "The variants differ in their data."
    size = dict(
        evidence.tables.networks.filter(pl.col("network").is_in(across.networks))
        .group_by("variant", maintain_order=True)
        .agg(pl.col("parameters").max())
        .drop_nulls()
        .sort("parameters", maintain_order=True)
        .iter_rows()
    )
    if len(set(size.values())) < 2:
        return None, "The study has not networks of at least two sizes."
    variant_of = dict(evidence.tables.networks.select("network", "variant").iter_rows())
    blocks: dict[str, list[bool]] = {variant: [] for variant in size}
    for network, block in zip(across.networks, across.blocks, strict=True):
        if variant_of[network] in blocks:
            blocks[variant_of[network]].append(block.size > 0)
    shares = [float(np.mean(found)) for found in blocks.values()]
    each = ", ".join(f"{name} {sum(found)} of {len(found)}" for name, found in blocks.items())
    return shares[-1] > 0.5 > shares[0], f"With a block, by number of parameters: {each}."


def _one_direction_makes_the_block(evidence: Evidence) -> Judged:
    across = _across(evidence)
    if isinstance(across, str):
        return None, across
    found = []
    for network, block in enumerate(across.blocks):
        if block.size:
            apart = np.ix_(block, block), ~np.eye(block.size, dtype=bool)
            cosines, rest = (
                of.within[network][apart[0]][apart[1]] for of in (across.cosines, across.rest)
            )
            found.append(
                [_mean(values) for values in (across.shares[network, block], cosines, rest)]
            )
    if not found:
        return None, NO_BLOCK
    share, cosine, rest = np.mean(found, axis=0).tolist()
    if not np.isfinite([share, cosine, rest]).all():
        return None, "First components of the layers of a block are not known."
    return share > 0.5 and cosine >= LEAST_ALIKE > rest, (
        f"Means over the blocks of {len(found)} networks: {share:.1%} of the variance, |cos| "
        f"{cosine:.2f}, CKA without the component {rest:.2f}."
    )


def _blocks_are_of_their_network(evidence: Evidence) -> Judged:
    across = _across(evidence)
    if isinstance(across, str):
        return None, across
    blocks = across.blocks
    if not any(block.size for block in blocks):
        return None, NO_BLOCK
    means = np.array(list(_inside_and_outside(across, blocks)))
    if not means.size:
        return None, "No two networks with a block have a layer in common inside and outside it."
    inside, outside = means.mean(axis=0).tolist()
    return inside < 0.5 < outside, (
        f"Mean CKA of a layer with its counterpart over {len(means)} pairs: {inside:.2f} inside "
        f"the blocks, {outside:.2f} outside."
    )


def _inside_and_outside(
    across: AcrossLayers, blocks: tuple[npt.NDArray[np.intp], ...]
) -> Iterator[tuple[float, float]]:
    """Of each pair, the mean CKA of layers in the block of either network, and of the others."""
    for (a, b), similarity in zip(across.cka.pairs, across.cka.between, strict=True):
        same = similarity.diagonal()
        inside = np.zeros(len(same), dtype=bool)
        inside[np.concatenate([blocks[a], blocks[b]])] = True
        means = _mean(same[inside]), _mean(same[~inside])
        if np.isfinite(means).all():
            yield means


def _mean(values: npt.NDArray[np.float64]) -> float:
    """Of what is known; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


CLAIMS = (
    Claim(
        number="E-1",
        statement="Block structure appears in large networks and not in small ones.",
        expected="a block in more than half of the networks of the largest variant, and in fewer "
        "than half of those of the smallest",
        source="abstract",
        origin="our reading",
        judge=_large_networks_have_a_block,
    ),
    Claim(
        number="E-2",
        statement="A block is the first principal component of its layers.",
        expected="it holds more than half of the variance, |cos| between layers is at least 0.9, "
        "and without it CKA is below 0.9",
        source="abstract",
        origin="our reading",
        judge=_one_direction_makes_the_block,
    ),
    Claim(
        number="E-3",
        statement="Layers outside the block are similar in other networks, those inside are not.",
        expected="mean CKA with the same layer of another network below 0.5 inside and above 0.5 "
        "outside",
        source="abstract",
        origin="our reading",
        judge=_blocks_are_of_their_network,
    ),
)
