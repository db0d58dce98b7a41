"""What the groups show, in sentences."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from repsim.report.group_tests import GroupTest
from repsim.report.groups import Grouping, GroupMeasure, Groups
from repsim.report.phrasing import code, number
from repsim.report.summary import Floats
from repsim.text import count
from repsim.uncertainty import Contrast, p_words

__all__ = ["agreement", "group_points", "highest", "p_of", "test_of"]


def group_points(groups: Groups, tests: Sequence[GroupTest]) -> list[str]:
    """Within which variant pairs are more similar, and whether more so than between variants."""
    measure = groups.leading
    if not any(groups.each.within):
        return [
            "No two networks of one variant were compared, so nothing here says how much networks "
            "of one variant differ."
        ]
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


def agreement(groups: Groups) -> str:
    """By how many measures pairs within a variant are more similar than pairs between two."""
    known = [one for one in groups.measures if one.similarity]
    means = [mean for one in known if (mean := _inside_and_across(groups, one)) is not None]
    if not means:
        return ""
    more = sum(float((mean[0] - mean[1])[_common(mean)].mean()) > 0 for mean in means)
    return (
        f"By {more or 'none'} of {count(len(means), 'measure')} of similarity, pairs within a "
        "variant have a larger mean over layers than pairs between variants."
    )


def highest(groups: Groups) -> str:
    """At how many layers each group has the largest mean of the leading measure."""
    shown, measure = groups.shown, groups.leading
    mean = shown.over_pairs(measure.values)[0]
    known = mean[:, _common(mean)]
    if not known.size or len(mean) < 2:
        return f"The {_lowered(measure.name)} of {count(len(shown.names), 'group')}."
    won = np.bincount(known.argmax(axis=0), minlength=len(mean))
    order = [place for place in np.argsort(-won, kind="stable").tolist() if won[place]]
    first, *others = (
        f"{_of_group(groups, place)} at {won[place]}{'' if rank else _of_layers(known.shape[1])}"
        for rank, place in enumerate(order)
    )
    return (
        f"The mean {_lowered(measure.name)} is highest {first}"
        f"{''.join(f', {other}' for other in others)}."
    )


def _of_group(groups: Groups, place: int) -> str:
    name = groups.shown.names[place]
    if groups.pooled:
        return "within variants" if groups.shown.within[place] else "between variants"
    return f"within {code(name)}" if groups.shown.within[place] else f"between {code(name)}"


def _of_layers(layers: int) -> str:
    return f" of {count(layers, 'layer')}"


def _within(groups: Groups, measure: GroupMeasure, tests: Sequence[GroupTest]) -> list[str]:
    """Which variant's pairs are most similar, and which variant's least."""
    each = groups.each
    places = [place for place, within in enumerate(each.within) if within]
    if len(places) < 2:
        return []
    mean = each.over_pairs(measure.values)[0][places]
    common = _common(mean)
    if not common.any():
        return []
    overall = mean[:, common].mean(axis=1)
    most, least = int(overall.argmax()), int(overall.argmin())
    names = [code(each.names[place]) for place in places]
    high, low = number(float(overall[most])), number(float(overall[least]))
    what = f"the {_lowered(measure.name)}"
    few = len(places) == 2
    if high == low:
        who = " and within ".join(names) if few else f"each of {len(places)} variants"
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
    mean = _inside_and_across(groups, measure)
    if mean is None:
        return []
    common = _common(mean)
    inside, across = (float(one[common].mean()) for one in mean)
    within = int(np.array(groups.each.within)[groups.each.of_pair].sum())
    between = len(groups.first) - within
    variants = "the two variants" if len(groups.variants) == 2 else "two variants"
    words = (
        f"Pairs within a variant ({count(within, 'pair')}) have a mean {_lowered(measure.name)} "
        f"of {number(inside)} over layers, pairs between {variants} ({between:,}) {number(across)}"
        f"{_widest(groups, mean[0], mean[1])}"
    )
    test = test_of(tests, measure, "cohesion", tuple(range(len(groups.variants))))
    return [f"{words} ({p_of(test)})." if test else f"{words}."]


def _inside_and_across(groups: Groups, measure: GroupMeasure) -> Floats | None:
    """Mean over pairs within variants, and between: (2, layers); None without a layer of both."""
    within = np.array(groups.each.within)[groups.each.of_pair]
    pooled = Grouping(
        names=("within", "between"), within=(True, False), of_pair=(~within).astype(np.int64)
    )
    mean = pooled.over_pairs(measure.values)[0]
    return mean if _common(mean).any() else None


def _common(mean: Floats) -> npt.NDArray[np.bool_]:
    """Layers of which every group has a value."""
    return np.asarray(np.isfinite(mean).all(axis=0))


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
