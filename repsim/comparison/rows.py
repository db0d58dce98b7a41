"""From the moments of a pair of layers to the rows of a comparison."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from repsim.comparison.context import Replicated
from repsim.errors import InputError
from repsim.matching import MatchProfile, match_profile
from repsim.measures import Measure, MomentsMeasure, load_measure, value_and_caution
from repsim.measures.maximum_match import Options as MaximumMatch
from repsim.moments import Factor, Moments
from repsim.options import StrictOptions, validated_options
from repsim.uncertainty import RankedCriticals

__all__ = [
    "MATCH",
    "AnyMeasure",
    "Found",
    "Layer",
    "Patterns",
    "Wanted",
    "layer_pairs",
    "shown",
    "uneven",
]

MATCH = "match"

AnyMeasure = str | tuple[str, Mapping[str, object]] | Measure

Patterns = Sequence[str] | Mapping[str, Sequence[str]]
"""Of layers: for all models, or by the name of each."""

Layer = tuple[str, str]
"""Model and layer."""

Item = TypeVar("Item")


class MatchOptions(StrictOptions):
    """Options of the match in a comparison; ε is an argument of its own."""

    centred: bool = False


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found of a pair of layers."""

    rows: list[dict[str, Any]]
    profile: MatchProfile | None = None
    ranks: RankedCriticals | None = None
    """The critical ε of its neurons by rank with their errors, where intervals are wanted."""


class Wanted:
    """The measures of a comparison, checked.

    Parameters
    ----------
    measures
        As `repsim.compare` takes them; None for its defaults.
    epsilons
        Of the match.

    Raises
    ------
    StudyError
        For an unknown measure or option.
    InputError
        For a measure that needs all examples at once.
    """

    def __init__(self, measures: Sequence[AnyMeasure] | None, epsilons: Iterable[float]) -> None:
        if measures is not None and not measures:
            raise InputError("Expected at least one measure. Got none.")
        self._by_default = measures is None
        self._measures: list[MomentsMeasure] = []
        self._centred: bool | None = None if measures is not None else False
        for one in measures or ("cka",):
            name, options = (one, {}) if isinstance(one, str | Measure) else one
            if name == "match":
                self._centred = validated_options(MatchOptions, options, "the match").centred
            else:
                self._measures.append(_measure(name, options))
        self._epsilons = tuple(MaximumMatch(epsilon=e).epsilon for e in sorted(set(epsilons)))

    def matches(self, pairs: Sequence[tuple[Layer, Layer]]) -> bool:
        """Whether the match is taken: by default of layers of the same name, or of one pair."""
        if not self._by_default:
            return self._centred is not None
        return len(pairs) == 1 or all(a[1] == b[1] for a, b in pairs)

    def found(
        self,
        moments: Moments,
        *,
        examples: int,
        match: bool,
        factor: Callable[[], Factor] | None = None,
        replicated: Replicated | None = None,
    ) -> Found:
        """The values of a pair of layers.

        Parameters
        ----------
        moments
            Of the pair.
        examples
            Whose samples they are.
        match
            Whether to take the match.
        factor
            Makes the factor, where the moments lack digits for the match.
        replicated
            The pair again, where nulls and intervals are wanted.
        """
        sizes = {"samples": moments.count, "examples": examples}
        sizes |= {"neurons_a": moments.p, "neurons_b": moments.q}
        sizes |= {"dead_a": _dead(moments.xx), "dead_b": _dead(moments.yy)}
        rows: list[dict[str, Any]] = []
        for measure in self._measures:
            value, caution = value_and_caution(measure, moments)
            context = {} if replicated is None else replicated.of_measure(measure, value)
            row = _row(measure.convention, None, value, caution)
            rows.append({**row, "centred": measure.centred, **context})
        profile, ranks = None, None
        if match:
            try:
                profile = match_profile(moments, centred=bool(self._centred))
                if not profile.settled and factor is not None:
                    profile = match_profile(factor(), centred=bool(self._centred))
            except InputError as problem:
                rows += self._unmatched(str(problem))
            else:
                matched, ranks = self._matched(profile, replicated)
                rows += matched
        caution = "" if replicated is None else replicated.caution
        for row in rows:
            row["caution"] = " ".join(filter(None, (row["caution"], caution))) or None
        return Found(rows=[{**row, **sizes} for row in rows], profile=profile, ranks=ranks)

    def failed(self, problem: str, *, match: bool) -> Found:
        """Of a pair that cannot be compared, rows that say why."""
        rows = [
            {**_row(one.convention, None, None, problem), "centred": one.centred}
            for one in self._measures
        ]
        return Found(rows=rows + (self._unmatched(problem) if match else []))

    def _matched(
        self, profile: MatchProfile, replicated: Replicated | None
    ) -> tuple[list[dict[str, Any]], RankedCriticals | None]:
        match, area = self._match_names
        rows = [
            _row(match, epsilon, float(profile.similarity(epsilon)), profile.caution)
            for epsilon in self._epsilons
        ]
        rows.append(_row(area, None, profile.area(), profile.caution))
        rows = [{**row, "centred": profile.centred} for row in rows]
        if replicated is None:
            return rows, None
        contexts, ranks = replicated.of_match(profile, self._epsilons)
        return [{**r, **c} for r, c in zip(rows, contexts, strict=True)], ranks

    def _unmatched(self, problem: str) -> list[dict[str, Any]]:
        match, area = self._match_names
        rows = [_row(match, epsilon, None, problem) for epsilon in self._epsilons]
        rows.append(_row(area, None, None, problem))
        return [{**row, "centred": bool(self._centred)} for row in rows]

    @property
    def _match_names(self) -> tuple[str, str]:
        from repsim.results import AREA_UNDER_CURVE

        of = "[centred]" if self._centred else ""
        return f"{MATCH}{of}", f"{AREA_UNDER_CURVE}{of}"


def _row(measure: str, epsilon: float | None, value: float | None, caution: str) -> dict[str, Any]:
    return {"measure": measure, "epsilon": epsilon, "value": value, "caution": caution}


def _dead(moments: np.ndarray) -> int:
    """How many neurons are never active."""
    return int(np.sum(np.diagonal(moments) == 0))


def layer_pairs(
    a: str, names_a: Sequence[str], b: str, names_b: Sequence[str], across: bool | None
) -> list[tuple[Layer, Layer]]:
    """The layers of two models that are compared; across by default where the names differ.

    Raises
    ------
    InputError
        When they have no name in common and are not to be compared across.
    """
    if across or (across is None and list(names_a) != list(names_b)):
        return [((a, x), (b, y)) for x in names_a for y in names_b]
    common = [((a, name), (b, name)) for name in names_a if name in names_b]
    if not common:
        raise InputError(
            f"Expected layers of the same name in {a} and {b}. Got {', '.join(names_a[:3])} ... "
            f"and {', '.join(names_b[:3])} ... Set across=True."
        )
    return common


def uneven(
    pairs: Sequence[tuple[Layer, Layer]], positions: Mapping[Layer, int]
) -> tuple[set[Layer], list[str]]:
    """Layers that are averaged, since what they are compared with has not as many positions.

    Returns
    -------
    set
        The layers, and all that are compared with one of them.
    list
        A note that says so, if there are any.
    """
    found = {layer for pair in pairs if len({positions[x] for x in pair}) > 1 for layer in pair}
    while more := {x for pair in pairs if not found.isdisjoint(pair) for x in pair} - found:
        found |= more
    note = (
        "Maps and sequences were averaged over their positions, since layers that are compared "
        "have not as many."
    )
    return found, [note] if found else []


def shown(items: Iterable[Item], total: int | None, *, progress: bool) -> Iterator[Item]:
    """The items, with a bar on the terminal if there is one."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    if not progress or not console.is_terminal:
        return iter(items)
    return iter(track(items, "Comparing", total=total, console=console, transient=True))


def _measure(name: str | Measure, options: Mapping[str, object]) -> MomentsMeasure:
    measure = name if isinstance(name, Measure) else load_measure(name, options)
    if not isinstance(measure, MomentsMeasure):
        raise InputError(
            "Expected measures of moments, which need no activations twice. Got "
            f"{measure.convention}, which compares all examples with all others. Take it of arrays "
            "(repsim.estimate)."
        )
    return measure
