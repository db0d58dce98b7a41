"""The section on groups of pairs: a table of means, and one of tests."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repsim.report.group_tests import MOST_VARIANTS, GroupTest
from repsim.report.groups import Groups
from repsim.report.groups_words import agreement, group_points
from repsim.report.network_map import NetworkMap, measured
from repsim.report.phrasing import code, number
from repsim.report.sweeps import Sweep, sweep_words
from repsim.text import count
from repsim.uncertainty import p_words

__all__ = ["GroupCell", "GroupsSection", "VariantRow", "groups_section"]


@dataclass(frozen=True, kw_only=True)
class GroupCell:
    """A number with what stands under it; `share` tints it."""

    text: str
    below: str = ""
    share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class VariantRow:
    """A variant: how many networks, how alike they are, and how far from the others."""

    name: str
    networks: str
    pairs: str
    within: GroupCell
    silhouette: str


@dataclass(frozen=True, kw_only=True)
class GroupsSection:
    """What the page says of groups."""

    points: tuple[str, ...]  # For the answer at the top of the page.
    agreement: str
    measure: str
    groups: tuple[str, ...]
    rows: tuple[tuple[str, tuple[GroupCell, ...]], ...]  # A layer and a cell for each group.
    note: str
    variants: tuple[VariantRow, ...]
    map_note: str
    measures: tuple[str, ...]
    tests: tuple[tuple[str, tuple[GroupCell, ...]], ...]  # A comparison, a cell for each measure.
    reading: str


def groups_section(
    groups: Groups,
    tests: Sequence[GroupTest],
    found: NetworkMap | None = None,
    sweeps: Sequence[Sweep] = (),
) -> GroupsSection:
    """The section; `found` is the map of the networks, if there is one."""
    measure = groups.leading
    mean, deviation = groups.shown.over_pairs(measure.values)
    rows = [
        (code(name), tuple(_mean_cell(mean[g, at], deviation[g, at]) for g in range(len(mean))))
        for at, name in enumerate(groups.layers)
    ]
    return GroupsSection(
        points=(*group_points(groups, tests), *map(sweep_words, sweeps)),
        agreement=agreement(groups),
        measure=measure.name,
        groups=tuple(f"{name} variants" if groups.pooled else name for name in groups.shown.names),
        rows=tuple(rows),
        note=_note(groups),
        variants=_variant_rows(groups, found),
        map_note=(
            f"Silhouette: mean over the networks of a variant. {measured(found)}" if found else ""
        ),
        measures=tuple(one.name for one in groups.measures),
        tests=tuple(_test_rows(groups, tests)),
        reading=_reading(groups, tests),
    )


def _mean_cell(mean: float, deviation: float) -> GroupCell:
    if not np.isfinite(mean):
        return GroupCell(text="–")
    below = f"± {number(float(deviation))}" if np.isfinite(deviation) else ""
    return GroupCell(
        text=number(float(mean)), below=below, share=round(min(max(float(mean), 0.0), 1.0), 3)
    )


def _variant_rows(groups: Groups, found: NetworkMap | None) -> tuple[VariantRow, ...]:
    each = groups.each
    mean, deviation = each.over_pairs(groups.leading.values.mean(axis=1, keepdims=True))
    places = {each.names[place]: place for place, within in enumerate(each.within) if within}
    rows = []
    for variant, name in enumerate(groups.variants):
        place = places.get(name)
        silhouette = found.silhouettes[variant] if found else np.nan
        rows.append(
            VariantRow(
                name=name,
                networks=f"{int((groups.variant_of == variant).sum()):,}",
                pairs=f"{0 if place is None else each.pairs(place):,}",
                within=GroupCell(text="–")
                if place is None
                else _mean_cell(mean[place, 0], deviation[place, 0]),
                silhouette=number(float(silhouette)) if np.isfinite(silhouette) else "–",
            )
        )
    return tuple(rows)


def _note(groups: Groups) -> str:
    sizes = ", ".join(
        f"{name} {count(groups.shown.pairs(place), 'pair')}"
        for place, name in enumerate(groups.shown.names)
    )
    pooled = f"The {len(groups.each.names)} groups are pooled. " if groups.pooled else ""
    return (
        f"{pooled}Mean over the pairs of a group, below it the standard deviation of its pairs: "
        f"{sizes}."
    )


def _test_rows(
    groups: Groups, tests: Sequence[GroupTest]
) -> list[tuple[str, tuple[GroupCell, ...]]]:
    """A row for each comparison that was tested by any measure."""
    rows: dict[str, list[GroupTest]] = {}
    for test in tests:
        rows.setdefault(_title(groups, test), []).append(test)
    return [
        (title, tuple(_test_cell(groups, test) for test in row))
        for title, row in rows.items()
        if any(test.result for test in row)
    ]


def _title(groups: Groups, test: GroupTest) -> str:
    if len(test.variants) == len(groups.variants) > 2:
        return "within variants − between variants"
    a, b = (code(groups.variants[place]) for place in test.variants)
    if test.contrast == "within":
        return f"within {a} − within {b}"
    return f"within {a} and {b} − between them"


def _test_cell(groups: Groups, test: GroupTest) -> GroupCell:
    found = test.result
    if found is None:
        return GroupCell(text="–", below=test.reason)
    p = p_words(found.p_value, found.permutations, brief=True)
    # Of layers with the same p, the one that differs most.
    smallest = int(np.lexsort((-np.abs(found.layers), found.p_values_layers))[0])
    layer = groups.layers[test.layers[smallest]]
    at = p_words(float(found.p_values_layers[smallest]), found.permutations, brief=True)
    below = f"{layer}: {_signed(float(found.layers[smallest]))}, {at}"
    return GroupCell(
        text=f"{_signed(found.difference)}, {p}", below=below if len(test.layers) > 1 else ""
    )


def _signed(difference: float) -> str:
    """A difference with its sign.

    >>> _signed(0.123), _signed(-0.5), _signed(0.0)
    ('+0.12', '−0.50', '0.00')
    """
    text = f"{abs(difference):.2f}"
    sign = "+" if difference > 0 else "−"
    return text if text == "0.00" else f"{sign}{text}"


def _reading(groups: Groups, tests: Sequence[GroupTest]) -> str:
    known = [test.result for test in tests if test.result]
    comparisons = {(test.contrast, test.variants) for test in tests}
    tested = {(test.contrast, test.variants) for test in tests if test.result}
    reasons = sorted({test.reason for test in tests if test.reason})
    sentences = []
    if known:
        floors = sorted({result.permutations for result in known})
        least = "; ".join(p_words(1 / (1 + amount), amount) for amount in floors)
        sentences += [
            "Difference of the means over pairs, as a mean over layers; below it the layer with "
            "the smallest p for all layers at once. Pairs share networks, so p is from "
            "permutations of the variants of the networks, two-sided: the share of permutations, "
            "the observed one included, with a difference as large. It asks whether the networks "
            f"are exchangeable ({least})."
        ]
        if not all(result.exact for result in known):
            sentences.append("Where there are too many permutations, random ones are taken.")
        if len(tested) > 1:
            sentences.append(f"{len(tested)} comparisons are each tested on their own.")
    if len(tested) < len(comparisons):
        untested = count(len(comparisons) - len(tested), "difference")
        sentences.append(f"{untested} between groups cannot be tested: {'; '.join(reasons)}.")
    if len(groups.variants) > MOST_VARIANTS:
        sentences.append(f"Every two variants are tested of at most {MOST_VARIANTS}.")
    return " ".join(sentences)
