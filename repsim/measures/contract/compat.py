"""Options that reproduce another library where it departs from the definition."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

__all__ = ["compatible"]

Presets = Mapping[str, Mapping[str, object]]


def compatible(model: type[BaseModel], given: Any, presets: Presets) -> Any:
    """Options with the values that the library named under ``compat`` has, for a validator.

    Parameters
    ----------
    model
        The options; an option that a library fixes may be left at its default.
    given
        The table as it was given.
    presets
        For each library, the options that it fixes.

    Raises
    ------
    ValueError
        For an option that the library does not have.
    """
    library = given.get("compat") if isinstance(given, Mapping) else None
    if not isinstance(library, str) or library not in presets:
        return given
    for name, fixed in presets[library].items():
        got = given.get(name, fixed)
        if got not in (fixed, model.model_fields[name].default):
            raise ValueError(
                f'Expected {name} = {fixed!r} with compat = "{library}", which knows no other. '
                f"Got {got!r}"
            )
    return {**given, **presets[library]}
