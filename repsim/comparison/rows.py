"""From the moments of a pair of layers to the rows of a comparison."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from repsim.errors import InputError
from repsim.matching import match_profile
from repsim.measures import Measure, MomentsMeasure, load_measure, value_and_caution
from repsim.measures.maximum_match import Options as MaximumMatch
from repsim.moments import Factor, Moments

__all__ = ["AnyMeasure", "Layer", "Patterns", "Wanted", "layer_pairs", "shown", "uneven"]

AnyMeasure = str | tuple[str, Mapping[str, object]] | Measure

Patterns = Sequence[str] | Mapping[str, Sequence[str]]
"""Of layers: for all models, or by the name of each."""

Layer = tuple[str, str]
"""Model and layer."""

Item = TypeVar("Item")


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
        self._given = measures
        self._measures = [_measure(one) for one in measures or ("cka",) if one != "match"]
        self._epsilons = tuple(MaximumMatch(epsilon=e).epsilon for e in sorted(set(epsilons)))

    def matches(self, pairs: Iterable[tuple[Layer, Layer]]) -> bool:
        """Whether the match is taken: by default of layers of the same name alone."""
        if self._given is not None:
            return "match" in self._given
        return all(a[1] == b[1] for a, b in pairs)

    def rows(
        self, moments: Moments, *, match: bool, factor: Callable[[], Factor] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The values of a pair of layers; with a factor, where its moments lack digits."""
        sizes = {"samples": moments.count, "neurons_a": moments.p, "neurons_b": moments.q}

        def row(
            measure: str, epsilon: float | None, value: float | None, caution: str
        ) -> dict[str, Any]:
            said = {"caution": caution or None}
            return {"measure": measure, "epsilon": epsilon, "value": value, **sizes, **said}

        for measure in self._measures:
            yield row(measure.convention, None, *value_and_caution(measure, moments))
        if not match:
            return
        try:
            profile = match_profile(moments)
            if not profile.settled and factor is not None:
                profile = match_profile(factor())
        except InputError as problem:
            yield from (row("match", epsilon, None, str(problem)) for epsilon in self._epsilons)
            return
        for epsilon in self._epsilons:
            yield row("match", epsilon, profile.similarity(epsilon), profile.caution)
        yield row("area under the match curve", None, profile.area(), profile.caution)


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


def _measure(one: AnyMeasure) -> MomentsMeasure:
    name, options = (one, {}) if isinstance(one, str | Measure) else one
    measure = name if isinstance(name, Measure) else load_measure(name, options)
    if not isinstance(measure, MomentsMeasure):
        raise InputError(
            "Expected measures of moments, which need no activations twice. Got "
            f"{measure.convention}, which compares all examples with all others. Take it of arrays "
            "(repsim.estimate)."
        )
    return measure
