"""Rows of results as pandas tables and as xarray arrays, and their measures by name."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from repsim.errors import InputError, unknown_name
from repsim.extras import required
from repsim.memory import physical_memory

if TYPE_CHECKING:
    import pandas
    import xarray

__all__ = ["chosen_measure", "chosen_name", "labelled_array", "pandas_frame"]


def pandas_frame(rows: pl.DataFrame) -> "pandas.DataFrame":
    """The rows as pandas has them; a null is NaN in a column of numbers.

    Raises
    ------
    StudyError
        pandas is not installed.
    """
    pd = required("pandas", "notebook", "which results are handed to")
    # Not by polars' own way, which needs pyarrow.
    return pd.DataFrame({column.name: column.to_numpy() for column in rows})


def labelled_array(
    rows: pl.DataFrame, labels: Mapping[str, Sequence[Any]], value: str
) -> "xarray.DataArray":
    """A column of numbers as an array with an axis for each column of labels.

    Parameters
    ----------
    rows
        At most one for each combination of labels.
    labels
        Of each axis, in order. A null label is NaN in the array's coordinates.
    value
        The column of numbers; NaN where there is no row.

    Raises
    ------
    StudyError
        xarray is not installed.
    InputError
        The array does not fit in memory, or the column is none of numbers.
    """
    xr = required("xarray", "notebook", "which results are handed to")
    numbers = [
        name for name in rows.columns if rows[name].dtype.is_numeric() and name not in labels
    ]
    if value not in numbers:
        raise InputError(unknown_name("column of numbers", value, numbers))
    shape = tuple(len(names) for names in labels.values())
    if 8 * np.prod(shape, dtype=float) > physical_memory() / 2:
        raise InputError(
            f"Expected an array that fits in memory. Got {' × '.join(map(str, shape))} numbers. "
            "Choose a measure, a layer or a variant."
        )
    array = np.full(shape, np.nan)
    places = [
        [at[label] for label in rows[axis]]
        for axis, names in labels.items()
        for at in [{name: place for place, name in enumerate(names)}]
    ]
    array[tuple(places)] = rows[value].cast(pl.Float64).to_numpy()
    coordinates = {
        axis: [np.nan if name is None else name for name in names] for axis, names in labels.items()
    }
    found: xarray.DataArray = xr.DataArray(
        array, coords=coordinates, dims=tuple(labels), name=value
    )
    return found


def chosen_measure(wanted: str, known: Sequence[str]) -> str:
    """The measure of this name, or the first that begins with it, such as ``"cka"``.

    Raises
    ------
    InputError
        There is none.
    """
    found = [name for name in known if name == wanted or name.startswith(f"{wanted}[")]
    found = found or [name for name in known if name.startswith(wanted)]
    return found[0] if found else chosen_name("measure that was compared", wanted, known)


def chosen_name(what: str, wanted: str, known: Sequence[str]) -> str:
    """The name, if it is known.

    Raises
    ------
    InputError
        It is not.
    """
    if wanted not in known:
        raise InputError(unknown_name(what, wanted, known))
    return wanted
