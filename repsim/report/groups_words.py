"""What the groups show, in sentences."""

from collections.abc import Sequence

import numpy as np

from repsim.report.group_tests import GroupTest
from repsim.report.groups import Grouping, GroupMeasure, Groups
from repsim.report.phrasing import code, count, number
from repsim.report.summary import Floats
from repsim.uncertainty import Contrast, p_words

__all__ = ["group_points", "p_of", "test_of"]


def group_points(groups: Groups, tests: Sequence[GroupTest]) -> list[str]:
    """Within which variant pairs are more similar, and whether more so than between variants."""
    measure = groups.leading
    return [
        *_within(groups, measure, tests),
        *_cohesion(groups, measure, tests),
    ]


def test_of(
    tests: Sequence[GroupTest],
    measure: GroupMeasure,
    contrast: Contrast,
    variants: tuple[int, ...],
) -> GroupTest | None:
    """The test of this difference, if one was wanted."""
    found = (
        one
        for one in tests
        if one.measure is measure and one.contrast == contrast and one.variants == variants
    )
    return next(found, None)


def p_of(test: GroupTest, *, brief: bool = False) -> str:
    """The p-value of a test, or that there is none and why."""
    if test.result is None:
        return f"not tested: {test.reason}"
    return p_words(test.result.p_value, test.result.permutations, brief=brief)


def _within(groups: Groups, measure: GroupMeasure, tests: Sequence[GroupTest]) -> list[str]:
    """Which variant's pairs are most similar, and which variant's least."""
    each = groups.each
    places = [place for place, within in enumerate(each.within) if within]
    if len(places) < 2:
        return []
    mean = each.over_pairs(measure.values)[0][places]
    common = np.isfinite(mean).all(axis=0)
    if not common.any():
        return []
    overall = mean[:, common].mean(axis=1)
    most, least = int(overall.argmax()), int(overall.argmin())
    names = [code(each.names[place]) for place in places]
    high, low = number(float(overall[most])), number(float(overall[least]))
    what = f"the {_lowered(measure.name)}"
    few = len(places) == 2
    if high == low:
        who = (
            f"{names[most]} and within {names[least]}" if few else f"each of {len(places)} variants"
        )
        words = f"Within {who} pairs are as similar: {what} is {high} as a mean over layers"
    else:
        more, of = ("more", "") if few else ("most", f"Of {len(places)} variants, ")
        words = (
            f"{of}{'pairs' if of else 'Pairs'} within {names[most]} are {more} similar"
            f"{' than' if few else ', and'} those within {names[least]}{'' if few else ' least'}: "
            f"as a mean over layers {what} is {high} against {low}"
        )
    words += _widest(groups, mean[most], mean[least])
    if few:
        first, second = sorted(groups.variants.index(each.names[place]) for place in places)
        test = test_of(tests, measure, "within", (first, second))
        words += f" ({p_of(test)})" if test else ""
    return [f"{words}."]


def _cohesion(groups: Groups, measure: GroupMeasure, tests: Sequence[GroupTest]) -> list[str]:
    """Whether pairs within variants are more similar than pairs between them."""
    within = np.array(groups.each.within)[groups.each.of_pair]
    if within.all() or not within.any():
        return []
    pooled = Grouping(
        names=("within", "between"), within=(True, False), of_pair=(~within).astype(np.int64)
    )
    mean = pooled.over_pairs(measure.values)[0]
    common = np.isfinite(mean).all(axis=0)
    if not common.any():
        return []
    inside, across = (float(one[common].mean()) for one in mean)
    variants = "the two variants" if len(groups.variants) == 2 else "two variants"
    words = (
        f"Pairs within a variant ({count(pooled.pairs(0), 'pair')}) have a mean of "
        f"{number(inside)}, pairs between {variants} ({pooled.pairs(1):,}) {number(across)}"
        f"{_widest(groups, mean[0], mean[1])}"
    )
    test = test_of(tests, measure, "cohesion", tuple(range(len(groups.variants))))
    return [f"{words} ({p_of(test)})." if test else f"{words}."]


def _widest(groups: Groups, first: Floats, second: Floats) -> str:
    """At which layer two courses over depth differ most."""
    if len(groups.layers) < 2:
        return ""
    layer = int(np.nanargmax(np.abs(first - second)))
    ends = number(float(first[layer])), number(float(second[layer]))
    if ends[0] == ends[1]:
        return ""
    return f"; they differ most at {code(groups.layers[layer])}, {ends[0]} against {ends[1]}"


def _lowered(name: str) -> str:
    """A name inside a sentence; an abbreviation stays."""
    return name if name[:2].isupper() else f"{name[0].lower()}{name[1:]}"
