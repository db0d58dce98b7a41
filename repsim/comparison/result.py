"""What a comparison of models has found: a table, matrices and pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from repsim.comparison.table import table_of
from repsim.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas
    import polars as pl
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

    from repsim.comparison.rows import Found, Layer
    from repsim.matching import MatchProfile
    from repsim.uncertainty import RankedCriticals

__all__ = ["Comparison"]

# Columns that a text leaves out: `table` has them.
HIDDEN = (
    *("examples", "dead_a", "dead_b", "centred"),
    *("standard_error", "bias", "permutations", "null_mean", "null_low", "p_value_layers"),
    "calibrated",
)

# Rows and layers that a notebook or a terminal shows at first.
MOST_SHOWN = 40


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Similarities of the layers of two or more models.

    Parameters
    ----------
    layers
        By model, those that were compared, in order of depth.
    rows : polars.DataFrame
        ``model_a, layer_a, model_b, layer_b, measure, epsilon, value``, then with nulls and
        intervals their columns as in the results of studies (``corrected``, ``interval_low``,
        ``interval_high``, ``null_mean``, ``p_value`` ...), and ``samples, examples, neurons_a,
        neurons_b, dead_a, dead_b, centred, caution``: a row for each pair of layers and measure;
        ``value`` is null where the measure is not defined or the layers cannot be compared, and
        ``caution`` says why.
    notes
        What to know of how the models were compared.
    profiles
        The match profile of each pair of layers, where the match was taken.
    ranks
        Critical ε by rank with their errors, where intervals were wanted.
    """

    layers: dict[str, tuple[str, ...]]
    rows: "pl.DataFrame" = field(repr=False)
    notes: tuple[str, ...] = ()
    profiles: "Mapping[tuple[Layer, Layer], MatchProfile]" = field(default_factory=dict, repr=False)
    ranks: "Mapping[tuple[Layer, Layer], RankedCriticals]" = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        layers: dict[str, tuple[str, ...]],
        found: "Mapping[tuple[Layer, Layer], Found]",
        *,
        notes: tuple[str, ...],
    ) -> "Comparison":
        """From what was found of each pair of layers.

        Raises
        ------
        InputError
            When no pair could be compared.
        """
        rows = [
            {"model_a": a[0], "layer_a": a[1], "model_b": b[0], "layer_b": b[1], **row}
            for (a, b), of in found.items()
            for row in of.rows
        ]
        failed = [row["caution"] for row in rows if "samples" not in row]
        if rows and len(failed) == len(rows):
            raise InputError(str(failed[0]))
        return cls(
            layers=layers,
            rows=table_of(rows),
            notes=notes,
            profiles={pair: of.profile for pair, of in found.items() if of.profile is not None},
            ranks={pair: of.ranks for pair, of in found.items() if of.ranks is not None},
        )

    @property
    def failures(self) -> tuple[str, ...]:
        """A sentence for each pair of layers that could not be compared."""
        failed = self.rows.filter(self.rows["samples"].is_null())
        columns = ["model_a", "layer_a", "model_b", "layer_b", "caution"]
        return tuple(
            f"{a} was not compared: {caution}"
            if (len(self.layers), a) == (2, b)
            else f"{a} of {model_a} and {b} of {model_b} were not compared: {caution}"
            for model_a, a, model_b, b, caution in failed.select(columns)
            .unique(maintain_order=True)
            .iter_rows()
        )

    @property
    def measures(self) -> tuple[str, ...]:
        """Their exact definitions, as in the table; the match with its ε."""
        return tuple(self._names.unique(maintain_order=True))

    @property
    def _names(self) -> "pl.Series":
        import polars as pl

        named = pl.format("{} at ε = {}", "measure", "epsilon")
        return self.rows.select(
            pl.when(pl.col("epsilon").is_null()).then(pl.col("measure")).otherwise(named).alias("m")
        )["m"]

    def table(self) -> "pl.DataFrame":
        """All values, a row for each pair of layers and measure."""
        return self.rows

    def matrix(
        self, measure: str | None = None, models: tuple[str, str] | None = None
    ) -> Float64[np.ndarray, "a b"]:
        """Similarity of each layer of one model to each of another, NaN where not compared.

        Parameters
        ----------
        measure
            One of `measures`, or its beginning, such as ``"cka"``; by default the first.
        models
            By default the first two.

        Raises
        ------
        InputError
            For a measure or model that was not compared.
        """
        chosen, (a, b) = self._measure(measure), self._pair(models)
        rows = self.rows.filter(self._names == chosen)
        at_a, at_b = ({n: i for i, n in enumerate(self.layers[m])} for m in (a, b))
        values = np.full((len(at_a), len(at_b)), np.nan)
        for row in rows.iter_rows(named=True):
            if row["value"] is None:
                continue
            if (row["model_a"], row["model_b"]) == (a, b):
                values[at_a[row["layer_a"]], at_b[row["layer_b"]]] = row["value"]
            elif (row["model_a"], row["model_b"]) == (b, a):
                values[at_a[row["layer_b"]], at_b[row["layer_a"]]] = row["value"]
        return values

    def best(
        self, measure: str | None = None, models: tuple[str, str] | None = None
    ) -> "pl.DataFrame":
        """For each layer of the first model, the most similar layer of the second.

        Returns
        -------
        polars.DataFrame
            ``layer_a, layer_b, value``, in order of depth.
        """
        import polars as pl

        a, b = self._pair(models)
        values = self.matrix(measure, (a, b))
        known = np.isfinite(values).any(axis=1)
        found = [
            (name, self.layers[b][int(np.nanargmax(row))], float(np.nanmax(row)))
            for name, row, there in zip(self.layers[a], values, known, strict=True)
            if there
        ]
        return pl.DataFrame(found, schema=["layer_a", "layer_b", "value"], orient="row")

    def plot(
        self,
        measure: str | None = None,
        models: tuple[str, str] | None = None,
        ax: "Axes | None" = None,
    ) -> "FigureBase":
        """A map of layers × layers where they were compared across, else bars by depth.

        Parameters
        ----------
        measure, models
            As in `matrix`.
        ax
            Draw into the space of these axes; on a page of its own by default.

        Returns
        -------
        Figure or SubFigure
        """
        from repsim.comparison.drawings import draw_bars, draw_map_of_layers
        from repsim.drawing import HouseFigure, drawn_in, house_style

        chosen, (a, b) = self._measure(measure), self._pair(models)
        values = self.matrix(chosen, (a, b))
        across = (np.isfinite(values).sum(axis=1) > 1).any()

        def draw() -> HouseFigure:
            if across:
                return draw_map_of_layers(values, self.layers[a], self.layers[b], (a, b), chosen)
            return draw_bars(values, self.layers[a], chosen, (a, b))

        if ax is not None:
            return drawn_in(ax, draw)
        with house_style():
            return draw()

    def to_pandas(self) -> "pandas.DataFrame":
        """The table as pandas has it.

        Raises
        ------
        StudyError
            pandas is not installed.
        """
        from repsim.labelled import pandas_frame

        return pandas_frame(self.rows)

    def to_xarray(self, value: str = "value") -> "xarray.DataArray":
        """The table as an array.

        Parameters
        ----------
        value
            A column of numbers.

        Returns
        -------
        xarray.DataArray
            Of the dimensions ``model_a, layer_a, model_b, layer_b, measure, epsilon``. Each pair
            is there once; what was not compared is NaN. ε is NaN for measures without one.

        Raises
        ------
        InputError
            For another column, and when the array does not fit in memory.
        StudyError
            xarray is not installed.
        """
        from repsim.labelled import labelled_array

        axes = ("model_a", "layer_a", "model_b", "layer_b", "measure")
        labels = {axis: self.rows[axis].unique(maintain_order=True).to_list() for axis in axes}
        labels["epsilon"] = self.rows["epsilon"].unique().sort(nulls_last=True).to_list()
        return labelled_array(self.rows, labels, value)

    def report(self, folder: "str | Path") -> "Path":
        """Write the report, its figures and tables to a folder; the path of the page.

        Raises
        ------
        InputError
            When nothing can be written there.
        """
        from repsim.comparison.report import report_files
        from repsim.report import write_files

        return write_files(report_files(self), folder)

    def _measure(self, measure: str | None) -> str:
        from repsim.labelled import chosen_measure

        known = self.measures
        return known[0] if measure is None else chosen_measure(measure, known)

    def _pair(self, models: tuple[str, str] | None) -> tuple[str, str]:
        from repsim.labelled import chosen_name

        if models is None:
            first, second = list(self.layers)[:2]
            return first, second
        for name in models:
            chosen_name("model that was compared", name, list(self.layers))
        return models

    def __str__(self) -> str:
        import polars as pl

        shown = self.rows.drop(HIDDEN, strict=False)
        if shown["caution"].is_null().all():
            shown = shown.drop("caution")
        with pl.Config(
            tbl_rows=MOST_SHOWN, tbl_cols=-1, tbl_hide_dataframe_shape=True, fmt_str_lengths=60
        ):
            return "\n".join([f"{self._title()}", str(shown), *self.notes])

    def _repr_html_(self) -> str:
        """For notebooks: the picture of the first measure over the table."""
        import polars as pl

        from repsim.drawing import pictured

        with pl.Config(tbl_rows=MOST_SHOWN, fmt_str_lengths=60):
            table = self.rows._repr_html_()
        words = (f"{self._title()} Picture: {self.measures[0]}.", *self.notes)
        return pictured(self.plot(), *words) + table

    def _title(self) -> str:
        models = ", ".join(f"{name} ({len(found)} layers)" for name, found in self.layers.items())
        return f"Comparison of {models}."
