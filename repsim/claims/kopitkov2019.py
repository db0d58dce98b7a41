"""Kopitkov and Indelman 2019, "Neural Spectrum Alignment: Empirical Study".

Source: arXiv:1910.08720, abstract, slides and figures; thresholds are ours.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from repsim.claims.claim import Claim, Evidence, Judged
from repsim.results import leading_rank

__all__ = ["CLAIMS"]

ANALYSIS = "spectrum_alignment"
DEPTH = "model.depth"

NOT_ANALYSED = (
    'The study has no [[analyses]] name = "spectrum_alignment" of two snapshots of a training.'
)

Series = dict[int, float]


def _networks(evidence: Evidence) -> Iterator[tuple[str, pl.DataFrame]]:
    """Variant and rows of each network that was analysed at two steps or more."""
    if evidence.analyses.is_empty():
        return
    rows = evidence.analyses.filter(
        pl.col("analysis") == ANALYSIS, pl.col("step").is_not_null(), pl.col("value").is_not_null()
    )
    for (variant, _), mine in rows.group_by("variant", "seed", maintain_order=True):
        if mine["step"].n_unique() > 1:
            yield str(variant), mine


def _series(rows: pl.DataFrame, quantity: str, coordinate: float | None = None) -> Series:
    """Value by rising step; of the leading eigenvectors, unless a coordinate is given."""
    mine = rows.filter(pl.col("quantity") == quantity)
    if coordinate is None:
        examples = rows.filter(pl.col("quantity") == "examples")["value"].to_list()
        ranks = mine["coordinate"].unique().to_list()
        coordinate = leading_rank(ranks, examples[0] if examples else 0.0)
    found = mine.filter(pl.col("coordinate") == coordinate).sort("step")
    return dict(found.select("step", "value").iter_rows())


def _ends(series: Series) -> tuple[float, float]:
    values = list(series.values())
    return values[0], values[-1]


def _target_turns(evidence: Evidence) -> Judged:
    ends = [_ends(_series(rows, "energy of targets")) for _, rows in _networks(evidence)]
    if not ends:
        return None, NOT_ANALYSED
    closed = [(last - first) / (1 - first) for first, last in ends]
    numbers = "; ".join(f"{first:.3f} to {last:.3f}" for first, last in ends[:6])
    return min(closed) > 0.25, f"Energy of the target in the leading eigenvectors: {numbers}."


def _output_is_spanned(evidence: Evidence) -> Judged:
    least = [min(_series(rows, "energy of outputs").values()) for _, rows in _networks(evidence)]
    if not least:
        return None, NOT_ANALYSED
    return min(least) > 0.95, f"The least energy of the output at any snapshot is {min(least):.3f}."


def _deeper_aligns_more(evidence: Evidence) -> Judged:
    depths: dict[float, list[float]] = {}
    for variant, rows in _networks(evidence):
        depth = evidence.settings.get(variant, {}).get(DEPTH)
        if isinstance(depth, int):
            depths.setdefault(depth, []).append(_ends(_series(rows, "energy of targets"))[1])
    if len(depths) < 3:
        return None, "The study has not at least three values of model.depth that were analysed."
    means = {depth: float(np.mean(values)) for depth, values in sorted(depths.items())}
    numbers = "; ".join(f"depth {depth}: {mean:.3f}" for depth, mean in means.items())
    rising = list(means.values())
    return rising == sorted(rising), f"Energy of the target at the end: {numbers}."


def _kernel_grows(evidence: Evidence) -> Judged:
    ends = [_ends(_series(rows, "trace", 0.0)) for _, rows in _networks(evidence)]
    if not ends:
        return None, NOT_ANALYSED
    growth = [last / first for first, last in ends]
    return min(growth) > 5, f"The trace of the kernel grows by a factor of {min(growth):.3g}."


def _residual_leaves(evidence: Evidence) -> Judged:
    ends = [_ends(_series(rows, "energy of residual")) for _, rows in _networks(evidence)]
    if not ends:
        return None, NOT_ANALYSED
    numbers = "; ".join(f"{first:.3f} to {last:.3f}" for first, last in ends[:6])
    fallen = all(last < first / 2 for first, last in ends)
    return fallen, f"Energy of the residual in the leading eigenvectors: {numbers}."


def _eigenvalues_flatten(evidence: Evidence) -> Judged:
    shares = []
    for _, rows in _networks(evidence):
        bound = _series(rows, "stability bound", 0.0)
        largest = _series(rows, "eigenvalue", 1.0)
        step = max(set(bound) & set(largest), default=None)
        if step is not None:
            shares.append(largest[step] / bound[step])
    if not shares:
        return None, (
            "The study has no full-batch gradient descent (sgd, batch_size = all) on the squared "
            "error that was analysed: the bound is not known."
        )
    words = ", ".join(f"{share:.2f}" for share in shares[:6])
    return all(0.5 < share < 1.5 for share in shares), (
        f"At the end the largest eigenvalue is {words} of the bound of stability."
    )


def _frozen_kernel_stays(evidence: Evidence) -> Judged:
    gains = []
    for _, rows in _networks(evidence):
        moving = _ends(_series(rows, "energy of targets"))[1]
        frozen = _ends(_series(rows, "energy of targets, first kernel"))[1]
        gains.append(moving - frozen)
    if not gains:
        return None, NOT_ANALYSED
    return min(gains) > 0.02, (
        f"At the end the kernel spans {min(gains):.3f} more of the target than that of the first "
        "snapshot, whose share does not change."
    )


CLAIMS = (
    Claim(
        number="C-1",
        statement="The leading eigenvectors of the gradient kernel turn to the target.",
        expected="of what they do not span at first, more than a quarter is spanned at the end",
        source="abstract and slides",
        origin="our reading",
        judge=_target_turns,
    ),
    Claim(
        number="C-2",
        statement="They span the output of the network almost completely, all the time.",
        expected="an energy above 0.95 at every snapshot",
        source="abstract",
        origin="our reading",
        judge=_output_is_spanned,
    ),
    Claim(
        number="C-3",
        statement="Deeper networks are aligned more in the end.",
        expected="an energy of the target that rises with model.depth",
        source="slide 38",
        origin="our reading",
        judge=_deeper_aligns_more,
    ),
    Claim(
        number="C-4",
        statement="The kernel grows during training.",
        expected="a trace that grows more than fivefold (the paper's figure: some 4 to 60-200)",
        source="figure of the kernel",
        origin="our reading",
        judge=_kernel_grows,
    ),
    Claim(
        number="C-5",
        statement="The residual loses its energy in the leading eigenvectors as they are learned.",
        expected="less than half of what it was at first",
        source="section on the residual",
        origin="our reading",
        judge=_residual_leaves,
    ),
    Claim(
        number="C-6",
        statement="The largest eigenvalue grows until it is near the bound of stability.",
        expected="between 0.5 and 1.5 of the bound at the end",
        source="eigenvalue figure",
        origin="our reading",
        judge=_eigenvalues_flatten,
    ),
    Claim(
        number="C-7",
        statement="A kernel that does not change would not span the target more (control).",
        expected="more than 0.02 less than the kernel as it is at the end",
        source="control",
        origin="our reading",
        judge=_frozen_kernel_stays,
    ),
)
