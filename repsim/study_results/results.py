"""What a study has found, complete or not: tables, figures, activations and weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import polars as pl

from repsim.errors import InputError
from repsim.extras import required
from repsim.labelled import chosen_measure, chosen_name, pandas_frame
from repsim.results import AREA_UNDER_CURVE, MAXIMUM_MATCH, Tables
from repsim.stages.networks import stored_weights
from repsim.stages.report_manifest import Places
from repsim.store import Activations, Artifact, Store
from repsim.study import Study, parse_study
from repsim.study_results.arrays import distance_array, results_array
from repsim.study_results.markup import counted, markup
from repsim.text import count

if TYPE_CHECKING:
    import pandas
    import torch
    import xarray
    import zarr
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

    from repsim.report import StudyFacts
    from repsim.report.figures import Findings

__all__ = ["StudyResults"]


class _Table:
    """A table of a study, read when it is first asked for."""

    def __init__(self, meaning: str) -> None:
        self.__doc__ = meaning

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, study: None, owner: type) -> "_Table": ...
    @overload
    def __get__(self, study: "StudyResults", owner: type) -> pl.DataFrame: ...
    def __get__(self, study: "StudyResults | None", owner: type) -> "_Table | pl.DataFrame":
        return self if study is None else study._table(self._name)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StudyResults:
    """What a study has found. `repsim.load_study` and `repsim.run` give it.

    Parameters
    ----------
    store
        Where it was made.
    facts
        What its report states beside its tables.
    places
        Where weights and activations are, by the label of a network or snapshot.
    read
        Gives a table by its name.

    Examples
    --------
    >>> study = repsim.load_study("runs/studies/digits")  # doctest: +SKIP
    >>> study.table(measure="cka", layer="relu3")  # doctest: +SKIP
    >>> study.plot("similarity-by-depth")  # doctest: +SKIP
    >>> study.activations("seed 0", "relu3")[:10]  # doctest: +SKIP
    """

    store: Store
    facts: "StudyFacts"
    places: Mapping[str, Places]
    read: Callable[[str], pl.DataFrame]
    _kept: dict[str, pl.DataFrame] = field(default_factory=dict)

    networks = _Table("A row for each network and snapshot: scores, and what became of it.")
    training = _Table("A row for each epoch of each network.")
    timings = _Table("Seconds of each epoch.")
    layers = _Table("A row for each captured layer of each variant.")
    results = _Table("A row for each pair, layer, measure and ε.")
    neurons = _Table("The critical ε of each neuron of each pair.")
    simple_matches = _Table("A row for each simple match.")
    structure = _Table("Numbers on the simple matches of each pair, layer and ε as a whole.")
    across = _Table("Similarity of every layer to every other.")
    principal = _Table("The first principal component of each layer.")
    analyses = _Table("A row for each number of an analysis of one network.")
    identification = _Table("How often the corresponding layer was the most similar one.")

    def _table(self, name: str) -> pl.DataFrame:
        if name not in self._kept:
            self._kept[name] = self.read(name)
        return self._kept[name]

    @property
    def name(self) -> str:
        """Of the study."""
        return self.facts.name

    @cached_property
    def study(self) -> Study:
        """The study as it was run, every default filled in."""
        return parse_study(self.facts.study_toml)

    @property
    def missing(self) -> tuple[str, ...]:
        """A sentence on each thing that does not exist yet, or failed; empty when complete."""
        return tuple(self.facts.missing)

    @property
    def measures(self) -> tuple[str, ...]:
        """Their exact definitions, as in the tables."""
        return tuple(self.results["measure"].unique(maintain_order=True))

    def table(
        self, *, measure: str | None = None, layer: str | None = None, variant: str | None = None
    ) -> pl.DataFrame:
        """Those of the results that are asked for; all by default.

        Parameters
        ----------
        measure
            One of `measures`, or its beginning, such as ``"cka"``.
        layer
            As in the column ``layer``.
        variant
            Pairs with a network of this variant.

        Raises
        ------
        InputError
            For a measure, layer or variant that the results do not have.
        """
        rows = self.results
        if variant is not None:
            known = self.networks["variant"].unique(maintain_order=True).to_list()
            chosen_name("variant", variant, known)
            rows = rows.filter(pl.any_horizontal(pl.col("variant_a", "variant_b") == variant))
        if layer is not None:
            chosen_name("layer that was compared", layer, self.results["layer"].unique().to_list())
            rows = rows.filter(pl.col("layer") == layer)
        if measure is not None:
            rows = rows.filter(pl.col("measure") == chosen_measure(measure, self.measures))
        return rows

    def to_pandas(self, table: str = "results") -> "pandas.DataFrame":
        """A table, such as ``"networks"``, as pandas has it.

        Raises
        ------
        InputError
            For a table that studies do not have.
        StudyError
            pandas is not installed.
        """
        known = [one.name for one in fields(Tables)]
        return pandas_frame(self._table(chosen_name("table", table, known)))

    def to_xarray(
        self,
        value: str = "value",
        *,
        measure: str | None = None,
        layer: str | None = None,
        variant: str | None = None,
    ) -> "xarray.DataArray":
        """The results as an array.

        Parameters
        ----------
        value
            A column of numbers: ``"corrected"``, ``"interval_low"`` and so on.
        measure, layer, variant
            As in `table`.

        Returns
        -------
        xarray.DataArray
            Of the dimensions ``network_a, network_b, layer, measure, epsilon``. Each pair is there
            once, as it was compared; what was not compared is NaN. `distances` are symmetric. ε is
            NaN for measures without one.

        Raises
        ------
        InputError
            For an unknown name, and when the array does not fit in memory.
        StudyError
            xarray is not installed.
        """
        rows = self.table(measure=measure, layer=layer, variant=variant)
        return results_array(rows, self.networks["network"], value)

    def distances(
        self, measure: str, *, epsilon: float | None = None, condensed: bool = False
    ) -> "xarray.DataArray":
        """How far apart networks are at each layer, as netrep and rsatoolbox take it.

        Parameters
        ----------
        measure
            One of `measures`, or its beginning. The distance is how far its value is from that of
            a layer with itself: 1 less a similarity.
        epsilon
            Of a measure that has one.
        condensed
            Only the pairs a < b, in the order of `scipy.spatial.distance.squareform`.

        Returns
        -------
        xarray.DataArray
            Of the dimensions ``layer, network_a, network_b``, symmetric with zeros on the
            diagonals, or ``layer, pair``; NaN where not compared. Snapshots are left out. Each
            layer is what netrep's ``pairwise_distances`` gives; the whole is ``dissimilarities``
            of rsatoolbox's ``RDMs``, in both forms.

        Raises
        ------
        InputError
            For an unknown measure or ε, and for a measure that is not symmetric.
        StudyError
            xarray is not installed.
        """
        chosen = chosen_measure(measure, self.measures)
        best = self._best_of_symmetric(chosen)
        rows, networks = self.table(measure=chosen), self.networks["network"]
        return distance_array(
            rows, networks, best=best, epsilon=epsilon, condensed=condensed
        ).rename(chosen)

    def _best_of_symmetric(self, measure: str) -> float:
        """The value of a layer with itself, by a measure for which X and Y may change places."""
        if measure in (MAXIMUM_MATCH, AREA_UNDER_CURVE):
            return 1.0
        from repsim.measures import load_measure

        for component in self.study.measures:
            loaded = load_measure(component.name, component.options)
            if loaded.convention == measure:
                if not loaded.properties.symmetric:
                    raise InputError(
                        f"Expected a symmetric measure for distances. Got {measure!r}."
                    )
                return loaded.properties.best
        raise InputError(
            f"Expected a measure that the study computes. Got {measure!r}, which none of its "
            "[[measures]] gives in this version of repsim."
        )

    @property
    def figures(self) -> tuple[str, ...]:
        """The kinds that `plot` can draw, in the order of the report."""
        return tuple(self._findings.by_name)

    @cached_property
    def _findings(self) -> "Findings":
        from repsim.report.figures import Findings

        tables = Tables(**{one.name: self._table(one.name) for one in fields(Tables)})
        return Findings(complete=tables, facts=self.facts)

    def plot(self, kind: str = "similarity-by-depth", ax: "Axes | None" = None) -> "FigureBase":
        """A figure of the report.

        Parameters
        ----------
        kind
            One of `figures`.
        ax
            Draw into the space of these axes; on a page of its own by default.

        Returns
        -------
        Figure or SubFigure

        Raises
        ------
        InputError
            For a figure that the report does not have, and for axes that are too small.
        """
        from repsim.drawing import drawn_in, house_style

        wanted = kind if kind in self.figures else kind.replace("_", "-")
        draw = self._findings.by_name[chosen_name("figure", wanted, self.figures)]

        def figure() -> Any:
            drawing = draw()
            assert drawing is not None  # by name are those that show something
            return drawing.figure

        if ax is not None:
            return drawn_in(ax, figure)
        with house_style():
            drawn: FigureBase = figure()
        return drawn

    def report(self, folder: str | Path) -> Path:
        """Write the report, its figures and tables to a folder; the path of the page."""
        from repsim.report import build_report, write_files

        return write_files(build_report(self._findings.complete, self.facts), folder)

    def activations(self, network: str, layer: str) -> "zarr.Array[Any]":
        """Activations of a layer, read when they are indexed.

        Parameters
        ----------
        network
            As in the table of networks: ``"seed 0"``, or ``"seed 0 at epoch 5"``.
        layer
            Its dotted name in that network.

        Returns
        -------
        zarr.Array
            (examples, positions, neurons). The examples are the same for all networks.

        Raises
        ------
        InputError
            For an unknown network or layer, and for activations that do not exist.
        """
        folders = self._of(network).activations
        folder = folders[chosen_name(f"layer of {network}", layer, list(folders))]
        artifact = self._existing(folder, f"activations of {layer} of {network}")
        return Activations(artifact.store, artifact.key).array

    def weights(self, network: str, snapshot: str | None = None) -> "dict[str, torch.Tensor]":
        """The state dict of a network, in the memory of the processor.

        Parameters
        ----------
        network
            As in the table of networks.
        snapshot
            One that was kept and compared, such as ``"epoch 5"``; by default the trained network.

        Raises
        ------
        InputError
            For an unknown network or snapshot, and for weights that do not exist.
        """
        required("torch", "models", "which reads weights")
        self._of(network)
        label = network
        if snapshot is not None:
            start = f"{network} at "
            known = [name.removeprefix(start) for name in self.places if name.startswith(start)]
            label = start + chosen_name(f"snapshot of {network}", snapshot, known)
        return stored_weights(self._existing(self.places[label].weights, f"weights of {label}"))

    def _of(self, network: str) -> Places:
        return self.places[chosen_name("network", network, list(self.places))]

    def _existing(self, folder: str, what: str) -> Artifact:
        artifact = Artifact.at(self.store, folder)
        if not artifact.exists():
            raise InputError(
                f"Expected {what} in the store {self.store.location}. Got none: not made yet, "
                "failed, or removed. Run the study again: repsim run."
            )
        return artifact

    def __repr__(self) -> str:
        gaps = f", {count(len(self.missing), 'thing')} missing" if self.missing else ""
        return f"StudyResults({self.name!r}: {counted(self)}{gaps}; store {self.store.location})"

    def _repr_html_(self) -> str:
        return markup(self)
