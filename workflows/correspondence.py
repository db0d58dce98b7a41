"""Which layers of two networks correspond: by the table of the study, or by their name."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from repsim.errors import StudyError
from repsim.stages.activations import LayerSpec

__all__ = ["Correspondence"]

Rows = Sequence[tuple[str, str]]


class Correspondence:
    """The layers that correspond, for any two networks of a study.

    In networks whose models have the same layers, those of one name correspond, and the table does
    not count. In others a row counts if one network has its first name and the other its second; if
    that holds both ways round, the first is of the network that stands first in the study. Layers
    in no such row correspond by their name.

    Parameters
    ----------
    table
        Names of layers that correspond.
    names
        Of all layers of each network, by its label, in the order of the study.
    captured
        The layers of each network that are captured.

    Raises
    ------
    StudyError
        When the table names a layer that is captured of no network.
    """

    def __init__(
        self,
        table: Rows,
        names: Mapping[str, frozenset[str]],
        captured: Mapping[str, Sequence[LayerSpec]],
    ) -> None:
        self._table, self._names, self._captured = table, names, captured
        self._order = {label: place for place, label in enumerate(names)}
        known = {layer.layer for layers in captured.values() for layer in layers}
        for name in [name for row in table for name in row if name not in known]:
            if any(name in all_names for all_names in names.values()):
                raise StudyError(
                    f"Expected layers that are captured in the table 'layers'. Got {name!r}, which "
                    "capture.layers leaves out. Add it there."
                )
            every = {layer for all_names in names.values() for layer in all_names}
            near = get_close_matches(name, every, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise StudyError(
                f"Expected layers of the networks in the table 'layers'. Got {name!r}, which none "
                f"has. {hint}`repsim layers` lists those of a model."
            )

    def of(self, a: str, b: str) -> Iterator[tuple[LayerSpec, LayerSpec]]:
        """The captured layers of two networks that correspond, with as many places.

        Sample i of both is of one place of one example. Averaged, maps of any size have one place.

        Raises
        ------
        StudyError
            When the table names a layer twice for these networks, or layers of different sizes.
        """
        of_a, of_b = ({x.layer: x for x in self._captured[label]} for label in (a, b))
        rows = list(self._rows(a, b))
        for names in zip(*rows, strict=True):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise StudyError(
                    f"Expected each layer once in the table 'layers' for {a} and {b}. Got "
                    f"{', '.join(twice)} more than once."
                )
        listed_a, listed_b = dict(rows), {second for _, second in rows}
        for name, layer in of_a.items():
            listed = name in listed_a
            other = of_b.get(listed_a.get(name, name))
            if other is None or (not listed and name in listed_b):
                continue
            if _same_places(layer, other):
                yield layer, other
            elif listed:
                raise StudyError(
                    f"Expected layers of as many positions in the table 'layers'. Got {name} with "
                    f"{layer.total_positions} and {other.layer} with {other.total_positions}, of "
                    f'{a} and {b}. Set capture.positions = "mean", or name others.'
                )

    def _rows(self, a: str, b: str) -> Iterator[tuple[str, str]]:
        """The rows of the table that count, with the name in `a` first."""
        if self._names[a] == self._names[b]:
            return
        of_a, of_b = ({x.layer for x in self._captured[label]} for label in (a, b))
        for row in self._table:
            ways = [row, row[::-1]]
            if self._order[a] > self._order[b]:
                ways.reverse()
            yield from [(x, y) for x, y in ways if x in of_a and y in of_b][:1]


def _same_places(a: LayerSpec, b: LayerSpec) -> bool:
    one = a.capture.positions in ("mean", "last")
    return one or a.total_positions == b.total_positions
