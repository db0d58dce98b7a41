"""Dataclasses of numbers as named arrays, which is what a store keeps."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType
from typing import Any, ClassVar, Literal, Self, get_args, get_origin, get_type_hints

import numpy as np

from repsim.errors import InputError

__all__ = ["NamedArrays"]


class NamedArrays:
    """Base of a dataclass whose fields are arrays, numbers, choices, or such dataclasses again.

    A field of a dataclass inside another is named ``outer_inner``; a choice (`Literal`) is kept as
    its position; a field that is None is left out.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Count(NamedArrays):
    ...     total: int
    ...     unit: Literal["samples", "examples"]
    >>> Count(7, "examples").arrays()
    {'total': array(7), 'unit': array(1)}
    >>> Count.from_mapping({"total": np.array(7), "unit": np.array(1), "other": np.array(0)})
    Count(total=7, unit='examples')
    """

    all_finite: ClassVar[bool] = True
    """Whether a number that is not finite is an error."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything as named arrays, for a store; `from_mapping` reads them back."""
        return dict(_named(self, ""))

    @classmethod
    def from_mapping(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """The value with the named arrays that `arrays()` gave; other names are ignored.

        Raises InputError when one is missing, or not finite where all have to be.
        """
        try:
            made: Self = _made(cls, arrays, "", finite=cls.all_finite)
        except KeyError as missing:
            raise InputError(
                f"Expected the arrays of {cls.__name__}. Got no {missing.args[0]}; "
                f"there are: {', '.join(arrays) or 'none'}."
            ) from None
        return made


@cache
def _kinds(cls: Any) -> dict[str, Any]:
    """The types of the fields by name, an optional one without None."""
    hints = get_type_hints(cls)
    kinds = {}
    for field in fields(cls):
        hint = hints[field.name]
        inside = [kind for kind in get_args(hint) if kind is not NoneType]
        kinds[field.name] = inside[0] if NoneType in get_args(hint) else hint
    return kinds


def _named(value: Any, prefix: str) -> Iterator[tuple[str, np.ndarray]]:
    for field, kind in _kinds(value.__class__).items():
        name, part = prefix + field, getattr(value, field)
        if is_dataclass(part):
            yield from _named(part, f"{name}_")
        elif get_origin(kind) is Literal:
            yield name, np.asarray(get_args(kind).index(part))
        elif part is not None:
            yield name, np.asarray(part)


def _made(cls: Any, arrays: Mapping[str, np.ndarray], prefix: str, *, finite: bool) -> Any:
    found: dict[str, Any] = {}
    for field, kind in _kinds(cls).items():
        name = prefix + field
        if is_dataclass(kind):
            inside = f"{name}_"
            optional = cls.__dataclass_fields__[field].type != kind
            if not optional or any(key.startswith(inside) for key in arrays):
                found[field] = _made(kind, arrays, inside, finite=finite)
            else:
                found[field] = None
            continue
        array = np.asarray(arrays[name], dtype=np.float64)
        if finite and not np.isfinite(array).all():
            raise InputError(
                f"Expected finite numbers of {cls.__name__}. Got non-finite numbers in {name}."
            )
        if get_origin(kind) is Literal:
            found[field] = get_args(kind)[int(array)]
        elif get_origin(kind) is tuple:
            found[field] = tuple(of(part) for of, part in zip(get_args(kind), array, strict=True))
        else:
            found[field] = kind(array) if kind in (int, float, bool) else array
    return cls(**found)
