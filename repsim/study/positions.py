"""Which positions of a layer are captured: places of a map, or tokens of a sequence."""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field

from repsim.errors import StudyError

__all__ = ["Positions", "layer_of_model", "layers_of_positions"]

WORDS = ("all", "mean", "last")

# A range as Python's slices, perhaps with a layer for each of its positions.
RANGE = re.compile(r"(each)?\s*(-?\d*:-?\d*(?::\d+)?)?")

EACH = "@t="


def _checked(value: object) -> object:
    if isinstance(value, str):
        form = RANGE.fullmatch(value)
        known = value in WORDS or (value and form and (form[1] or form[2]))
        if not known or value.endswith(":0"):
            raise ValueError(
                f"Expected a whole number, {', '.join(map(repr, WORDS))}, 'each', a range such as "
                f"'0:20' or 'each 80:100', or a list of positions. Got {value!r}"
            )
    if isinstance(value, list | tuple) and (not value or len(set(value)) != len(value)):
        raise ValueError(f"Expected at least one position, and each once. Got {list(value)}")
    return value


Positions = Annotated[
    Annotated[int, Field(ge=1)] | str | tuple[int, ...], BeforeValidator(_checked)
]
"""How many, drawn at random; a word; a range; or a list."""


def layers_of_positions(
    asked: Positions, total: int, *, layer: str, shortest: int | None = None
) -> dict[str, tuple[int, ...] | None]:
    """What is captured of a layer: for the end of each name, the positions.

    Parameters
    ----------
    asked
        As a study says it.
    total
        Positions that the layer has.
    layer
        Its name, for messages.
    shortest
        Positions of the shortest example, where some are padded.

    Returns
    -------
    dict
        One entry without an end, or one for each position, as ``@t=7``. None stands for what is no
        list of places: all, a number drawn for each example, the mean, the last.

    Raises
    ------
    StudyError
        If the layer, or its shortest example, does not have such positions.

    Examples
    --------
    >>> layers_of_positions("each", 3, layer="lstm.0")
    {'@t=0': (0,), '@t=1': (1,), '@t=2': (2,)}
    >>> layers_of_positions("::10", 35, layer="lstm.0")
    {'': (0, 10, 20, 30)}
    """
    whole = total if shortest is None else shortest
    if asked in ("mean", "last"):
        return {"": None}
    if asked == "all" or isinstance(asked, int):
        if shortest is not None and (not isinstance(asked, int) or asked > shortest):
            raise StudyError(
                f"Expected positions that every example has: the shortest has {shortest}, and the "
                f"others are padded to it or beyond. Got capture.positions = {asked!r}. Choose "
                f'"last", "mean", a number up to {shortest} that is drawn for each example, or a '
                f'range such as "0:{shortest}".'
            )
        return {"": None}
    each, places = _places(asked, total)
    if each and total == 1:
        return {"": None}  # an output without positions
    missing = [place for place in places if not 0 <= place < whole]
    if missing or not places:
        of_what = f"{total} positions" if shortest is None else f"{shortest} in every example"
        raise StudyError(
            f"Expected positions of layer {layer!r}, which has {of_what}. Got "
            f"{missing[0] if missing else 'none'} from capture.positions = {asked!r}. Choose "
            "others, or leave the layer out of capture.layers."
        )
    return {f"{EACH}{place}": (place,) for place in places} if each else {"": places}


def layer_of_model(name: str) -> str:
    """The name of a layer in its model, without the position that is captured of it.

    >>> layer_of_model("lstm.1@t=7"), layer_of_model("relu@2")
    ('lstm.1', 'relu@2')
    """
    return name.partition(EACH)[0]


def _places(asked: str | Sequence[int], total: int) -> tuple[bool, tuple[int, ...]]:
    """Whether each is a layer of its own, and which they are; lists may count from the end."""
    if not isinstance(asked, str):
        return False, tuple(place + total if place < 0 else place for place in asked)
    form = RANGE.fullmatch(asked)
    assert form is not None
    ends = [int(end) if end else None for end in (form[2] or ":").split(":")]
    # A slice would end where the layer does, without a word.
    size = max(total, ends[1] or 0)
    return bool(form[1]), tuple(range(size)[slice(*ends)])
