"""Where activations are: tables of arrays, captures, files, folders, patterns and buckets."""

import glob
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import zarr

from repsim.activation_files import ActivationArray, open_activations
from repsim.array_files import KNOWN, is_zarr
from repsim.arrays import as_array
from repsim.comparison.activations import Activations
from repsim.errors import InputError
from repsim.store import Store

if TYPE_CHECKING:
    Table = dict[str, ActivationArray]
    """The layers of a model."""

__all__ = ["are_activations", "named_sources", "open_source", "open_sources"]

PATTERN = re.compile(r"[*?\[]")


def are_activations(first: object) -> bool:
    """Whether what is compared is activations, not models."""
    if isinstance(first, str | Path | Activations):
        return True
    if not isinstance(first, Mapping | list | tuple):
        return False
    values = list(first.values()) if isinstance(first, Mapping) else list(first)
    return not isinstance(first, Mapping) or (
        bool(values)
        and all(
            isinstance(value, str | Path | Mapping | ActivationArray) or hasattr(value, "__array__")
            for value in values
        )
    )


def named_sources(first: Any, second: Any = None) -> dict[str, Any]:
    """Activations by the name of their model.

    Parameters
    ----------
    first, second
        As `repsim.compare` takes them. Files are named by their stem, and by as much of their path
        as tells them apart.

    Raises
    ------
    InputError
        For fewer than two, and for a pattern or folder without a file.
    """
    if second is not None:
        return {"A": first, "B": second}
    if isinstance(first, Mapping) and not isinstance(first, Activations):
        of_models = all(isinstance(value, str | Path | Mapping) for value in first.values())
        found = {str(name): source for name, source in first.items()} if of_models else {}
        got = len(found) if of_models else 1
    elif isinstance(first, Activations):
        found, got = {}, 1
    else:
        given = [first] if isinstance(first, str | Path) else first
        found = _by_name([one for source in given for one in _expanded(source)])
        got = len(found)
    if len(found) < 2:
        raise InputError(
            "Expected activations of two models, or a mapping of names to those of at least two. "
            f"Got {'one' if got == 1 else got}."
        )
    return found


def open_sources(
    sources: Mapping[str, Any],
    tell: Callable[[str], None],
    *,
    channels: Literal["first", "last"] | None = None,
) -> "dict[str, Table]":
    """`open_source` of each."""
    return {
        name: open_source(source, name, tell, channels=channels) for name, source in sources.items()
    }


def open_source(
    source: Any,
    name: str,
    tell: Callable[[str], None],
    *,
    channels: Literal["first", "last"] | None = None,
) -> "Table":
    """The layers of a model, read when they are compared.

    Parameters
    ----------
    source
        A path or URL, an `Activations`, or a table of arrays by layer.
    name
        Of the model, for messages.
    tell, channels
        As `open_activations` has them.

    Raises
    ------
    InputError
        For what is none of these, cannot be read, or holds no layer.
    """
    if isinstance(source, str | Path):
        place = source if isinstance(source, str) and "://" in source else Path(source)
        return open_activations(place, tell, channels=channels)
    if isinstance(source, Activations):
        return source.arrays()
    if not isinstance(source, Mapping) or not source:
        raise InputError(
            f"Expected a table of arrays by layer, or a file, as {name}. Got a "
            f"{type(source).__name__}{' without any' if isinstance(source, Mapping) else ''}."
        )
    return {
        str(layer): _array(str(layer), array, f"{layer} of {name}", channels)
        for layer, array in source.items()
    }


def _array(
    layer: str, array: Any, words: str, channels: Literal["first", "last"] | None
) -> ActivationArray:
    if isinstance(array, ActivationArray):
        return array
    lazy = isinstance(array, zarr.Array)  # read block by block
    known = array if lazy and array.dtype.kind in "fiub" else as_array(array, words)
    return ActivationArray(name=layer, array=known, channels=channels)


def _expanded(source: Any) -> list[Any]:
    """The files that a pattern or a folder stands for."""
    if not isinstance(source, str | Path):
        return [source]
    text = str(source)
    if "://" in text:
        return _in_bucket(text) if PATTERN.search(text) else [text]
    path = Path(text)
    if path.is_dir() and not is_zarr(path):
        inside = sorted(
            one for one in path.iterdir() if one.suffix in KNOWN or (one.is_dir() and is_zarr(one))
        )
        return inside or [path]  # which is then refused with what is in it
    if path.exists() or not PATTERN.search(text):
        return [path]
    found = sorted(glob.glob(text))  # noqa: PTH207 - of an absolute pattern, too
    if not found:
        raise InputError(f"Expected files of activations. Got {text}, which no file matches.")
    return [Path(one) for one in found]


def _in_bucket(pattern: str) -> list[str]:
    place = pattern[: PATTERN.search(pattern).start()].rpartition("/")[0]  # type: ignore[union-attr]
    if place.count("/") < 2:
        raise InputError(f"Expected a pattern below a bucket. Got {pattern}.")
    store = Store(place)
    files = {re.sub(r"(\.zarr)/.*", r"\1", f"{place}/{path}") for path in store.sizes("")}
    found = sorted(one for one in files if fnmatchcase(one, pattern))
    if not found:
        raise InputError(f"Expected files of activations. Got {pattern}, which none matches.")
    return found


def _by_name(sources: Sequence[Any]) -> dict[str, Any]:
    """By the stem of the file, with as many folders before it as tell all apart."""
    parts = [
        Path(one).parts if isinstance(one, str | Path) else (f"{place + 1}",)
        for place, one in enumerate(sources)
    ]
    names = [Path(of[-1]).stem if of else "." for of in parts]
    for depth in range(1, max((len(of) for of in parts), default=0) + 1):
        twice = {name for name, times in Counter(names).items() if times > 1}
        if not twice:
            break
        names = [
            "/".join(of[-depth:]) if name in twice else name
            for name, of in zip(names, parts, strict=True)
        ]
    found: dict[str, Any] = {}
    for name, source in zip(names, sources, strict=True):
        number = 2
        unique = name
        while unique in found:
            unique, number = f"{name} ({number})", number + 1
        found[unique] = source
    return found
