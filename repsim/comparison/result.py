"""What a comparison of models has found: a table, matrices and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from repsim.comparison.table import table_of
from repsim.errors import InputError, unknown_name

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

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

    def plot(self, measure: str | None = None, models: tuple[str, str] | None = None) -> "Figure":
        """A map of layers × layers where they were compared across, else bars by depth."""
        from repsim.drawing import house_style

        chosen, (a, b) = self._measure(measure), self._pair(models)
        values = self.matrix(chosen, (a, b))
        with house_style():
            if (np.isfinite(values).sum(axis=1) > 1).any():
                return _map(values, self.layers[a], self.layers[b], (a, b), chosen)
            return _bars(values, self.layers[a], chosen, (a, b))

    def _measure(self, measure: str | None) -> str:
        known = self.measures
        if measure is None:
            return known[0]
        found = [name for name in known if name == measure or name.startswith(f"{measure}[")]
        found = found or [name for name in known if name.startswith(measure)]
        if not found:
            raise InputError(unknown_name("measure that was compared", measure, list(known)))
        return found[0]

    def _pair(self, models: tuple[str, str] | None) -> tuple[str, str]:
        if models is None:
            first, second = list(self.layers)[:2]
            return first, second
        for name in models:
            if name not in self.layers:
                raise InputError(unknown_name("model that was compared", name, list(self.layers)))
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
        import html
        import io

        import polars as pl

        picture = io.BytesIO()
        self.plot().savefig(picture, format="svg", bbox_inches="tight")
        svg = picture.getvalue().decode()
        with pl.Config(tbl_rows=MOST_SHOWN, fmt_str_lengths=60):
            table = self.rows._repr_html_()
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        title = html.escape(f"{self._title()} Picture: {self.measures[0]}.")
        return f"<p>{title}</p>{svg[svg.index('<svg') :]}{table}{notes}"

    def _title(self) -> str:
        models = ", ".join(f"{name} ({len(found)} layers)" for name, found in self.layers.items())
        return f"Comparison of {models}."


def _map(
    values: np.ndarray,
    layers_a: Sequence[str],
    layers_b: Sequence[str],
    models: tuple[str, str],
    measure: str,
) -> "Figure":

    from repsim.drawing import shortened, thinned
    from repsim.report.layer_maps import draw_map, key

    side = 0.22
    width, height = (min(max(1.6, side * len(names)), 6.5) for names in (layers_b, layers_a))
    figure = new_figure(width, height)
    axes = figure.add_axes((0, 0, 1, 1))
    draw_map(axes, values, title="")
    for names, set_ticks, rotation in (
        (layers_b, axes.set_xticks, 90),
        (layers_a, axes.set_yticks, 0),
    ):
        places = thinned(len(names), 30)
        set_ticks(places, [shortened(names[at], 30) for at in places], rotation=rotation)
    axes.set_xlabel(models[1])
    axes.set_ylabel(models[0])
    key(figure, measure)
    return figure


def _bars(
    values: np.ndarray, layers: Sequence[str], measure: str, models: tuple[str, str]
) -> "Figure":

    from repsim.drawing import ACCENT, layer_axis, width_for

    known = np.flatnonzero(np.isfinite(values).any(axis=1))
    width = width_for(len(known))
    figure = new_figure(width, 2.6)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.bar(range(len(known)), np.nanmax(values[known], axis=1), color=ACCENT, width=0.6)
    layer_axis(axes, [layers[int(at)] for at in known], inches=width)
    axes.set_ylim(min(0.0, float(np.nanmin(values))), 1.03)
    axes.set_ylabel(measure)
    axes.set_title(f"{models[0]} and {models[1]}", loc="left", fontsize=8)
    return figure
