"""Tests of differences between groups: which are made, of what, and why one cannot be."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repsim.report.groups import GroupMeasure, Groups
from repsim.uncertainty import Contrast, GroupDifference, group_difference

__all__ = ["GroupTest", "group_tests"]

# Of more variants, not every two are tested: their tables are not read, and of so many tests some
# have a small p by chance.
MOST_VARIANTS = 8


@dataclass(frozen=True, kw_only=True)
class GroupTest:
    """One comparison of two sets of pairs by one measure, or why there is none.

    Parameters
    ----------
    variants
        Places of the variants; all of them for the test of all.
    layers
        Places of the layers that were tested: those where every pair has a value.
    result
        None where nothing can be tested; `reason` then says why.
    """

    contrast: Contrast
    variants: tuple[int, ...]
    measure: GroupMeasure
    layers: tuple[int, ...]
    result: GroupDifference | None
    reason: str = ""


def group_tests(groups: Groups) -> tuple[GroupTest, ...]:
    """All tests of all measures: within against between over all variants first, then each two."""
    every = tuple(range(len(groups.variants)))
    wanted: list[tuple[Contrast, tuple[int, ...]]] = []
    if len(every) > 2:
        wanted.append(("cohesion", every))
    if len(every) <= MOST_VARIANTS:
        for two in itertools.combinations(every, 2):
            wanted += [("within", two), ("cohesion", two)]
    return tuple(
        _tested(groups, measure, contrast, variants)
        for contrast, variants in wanted
        for measure in groups.measures
    )


def _tested(
    groups: Groups, measure: GroupMeasure, contrast: Contrast, variants: Sequence[int]
) -> GroupTest:
    mine = np.flatnonzero(np.isin(groups.variant_of, variants))
    place = np.full(len(groups.networks), -1)
    place[mine] = np.arange(mine.size)
    pairs = np.flatnonzero((place[groups.first] >= 0) & (place[groups.second] >= 0))
    labels = np.searchsorted(np.array(variants), groups.variant_of[mine])
    values = measure.values[pairs]
    layers = np.flatnonzero(np.isfinite(values).all(axis=0))
    reason = ""
    if np.bincount(labels).min() < 2:
        reason = "a variant has one network only"
    elif len(pairs) != mine.size * (mine.size - 1) // 2:
        reason = "not every two of these networks were compared"
    elif not layers.size:
        reason = "no layer has a value for every pair"
    result = None
    if not reason:
        result = group_difference(
            values[:, layers],
            place[groups.first[pairs]],
            place[groups.second[pairs]],
            labels,
            contrast,
        )
    return GroupTest(
        contrast=contrast,
        variants=tuple(variants),
        measure=measure,
        layers=tuple(layers.tolist()),
        result=result,
        reason=reason,
    )
