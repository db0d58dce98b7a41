"""Tables: checked, in one fixed order, and written to the same bytes every time."""

import difflib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import polars as pl
from polars.datatypes import DataTypeClass

from repsim.errors import InputError
from repsim.results.groups import with_groups
from repsim.results.schemas import (
    AREA_UNDER_CURVE,
    LAYERS,
    MAXIMUM_MATCH,
    NETWORKS,
    NEURONS,
    RESULTS,
    SIMPLE_MATCHES,
    STRUCTURE,
    TIMINGS,
    TRAINING,
    Schema,
)
from repsim.results.schemas_across import ACROSS, IDENTIFICATION, PRINCIPAL
from repsim.results.schemas_analyses import ANALYSES

Rows = Sequence[Mapping[str, Any]] | pl.DataFrame

_SCHEMAS: Mapping[str, Schema] = {
    "networks": NETWORKS,
    "training": TRAINING,
    "timings": TIMINGS,
    "layers": LAYERS,
    "results": RESULTS,
    "neurons": NEURONS,
    "simple_matches": SIMPLE_MATCHES,
    "structure": STRUCTURE,
    "across": ACROSS,
    "principal": PRINCIPAL,
    "identification": IDENTIFICATION,
    "analyses": ANALYSES,
}

# The order of measures within a layer; a measure that is not named here follows, by name.
_MEASURE_ORDER = (MAXIMUM_MATCH, AREA_UNDER_CURVE)


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The tables of a study. Build them with `from_rows`, which checks and orders."""

    networks: pl.DataFrame
    training: pl.DataFrame
    timings: pl.DataFrame
    layers: pl.DataFrame
    results: pl.DataFrame
    neurons: pl.DataFrame
    simple_matches: pl.DataFrame
    structure: pl.DataFrame
    across: pl.DataFrame
    principal: pl.DataFrame
    identification: pl.DataFrame
    analyses: pl.DataFrame

    @classmethod
    def from_rows(
        cls,
        *,
        networks: Rows,
        training: Rows = (),
        timings: Rows = (),
        layers: Rows = (),
        results: Rows = (),
        neurons: Rows = (),
        simple_matches: Rows = (),
        structure: Rows = (),
        across: Rows = (),
        principal: Rows = (),
        identification: Rows = (),
        analyses: Rows = (),
    ) -> "Tables":
        """Tables from rows in any order of completion.

        Parameters
        ----------
        networks
            One row per network in the order of the study: all other tables follow this order.
            The variants and the group of each pair of ``results`` follow from it.
        training, timings, layers, results, neurons, simple_matches, structure,
        across, principal, identification, analyses
            Rows as dictionaries, or a DataFrame, in any order. Columns that may be null can be
            left out. NaN counts as null. Columns are described in `repsim.results.schemas` and
            `repsim.results.schemas_across`.

        Raises
        ------
        InputError
            A column is unknown, missing, of another type, null where it may not be, or outside its
            choices; two rows have the same key; a row names a network that NETWORKS lacks.
        """
        network_rows = _checked("networks", networks, NETWORKS)
        order = {name: place for place, name in enumerate(network_rows["network"])}
        training_rows = _checked("training", training, TRAINING)
        timing_rows = _checked("timings", timings, TIMINGS)
        result_rows = _checked("results", results, RESULTS)
        neuron_rows = _checked("neurons", neurons, NEURONS)
        simple_rows = _checked("simple_matches", simple_matches, SIMPLE_MATCHES)
        structure_rows = _checked("structure", structure, STRUCTURE)
        across_rows = _checked("across", across, ACROSS)
        principal_rows = _checked("principal", principal, PRINCIPAL)
        analysis_rows = _checked("analyses", analyses, ANALYSES)
        compared = ("network_a", "network_b")
        for table, rows, columns in (
            ("training", training_rows, ("network",)),
            ("timings", timing_rows, ("network",)),
            ("results", result_rows, compared),
            ("neurons", neuron_rows, compared),
            ("simple_matches", simple_rows, compared),
            ("structure", structure_rows, compared),
            ("across", across_rows, compared),
            ("principal", principal_rows, ("network",)),
            ("analyses", analysis_rows, ("network",)),
        ):
            _check_networks(table, rows, columns, order)
        variants = {
            name: place
            for place, name in enumerate(network_rows["variant"].unique(maintain_order=True))
        }
        pair = [_place("network_a", order), _place("network_b", order)]
        measures: list[pl.Expr] = [
            pl.col("measure").replace_strict(
                {name: place for place, name in enumerate(_MEASURE_ORDER)},
                default=len(_MEASURE_ORDER),
                return_dtype=pl.Int64,
            ),
            pl.col("measure"),
        ]
        return cls(
            networks=network_rows,
            training=training_rows.sort(_place("network", order), "epoch"),
            timings=timing_rows.sort(_place("network", order), "epoch"),
            layers=_checked("layers", layers, LAYERS).sort(
                _place("variant", variants), "depth", "layer"
            ),
            results=with_groups(result_rows, network_rows).sort(
                "study", *pair, "depth", "layer", *measures, "epsilon", nulls_last=True
            ),
            neurons=neuron_rows.sort(*pair, "depth", "layer", "side", "neuron"),
            simple_matches=simple_rows.sort(*pair, "depth", "layer", "epsilon", "rank"),
            structure=structure_rows.sort(*pair, "depth", "layer", "epsilon"),
            across=across_rows.sort(
                "features", "measure", *pair, "depth_a", "layer_a", "depth_b", "layer_b"
            ),
            principal=principal_rows.sort("features", _place("network", order), "depth", "layer"),
            identification=_checked("identification", identification, IDENTIFICATION).sort(
                "features", "measure"
            ),
            analyses=analysis_rows.sort(
                "analysis", _place("network", order), "quantity", "coordinate"
            ),
        )

    @property
    def kept(self) -> "Tables":
        """These without snapshots: the networks as they are kept, and the pairs of those."""
        snapshots = self.networks.filter(pl.col("snapshot").is_not_null())["network"]
        if snapshots.is_empty():
            return self

        def without(rows: pl.DataFrame) -> pl.DataFrame:
            named = [c for c in ("network", "network_a", "network_b") if c in rows.columns]
            return rows.filter(~pl.any_horizontal(pl.col(named).is_in(snapshots.implode())))

        return replace(
            self,
            **{
                field.name: without(table)
                for field in fields(self)
                if {"network", "network_a"} & set((table := getattr(self, field.name)).columns)
            },
        )

    def files(self) -> dict[str, bytes]:
        """File name to content; equal tables give equal bytes.

        Wall times are in ``timings.csv`` alone: of a run that was stopped and went on, all other
        files have the bytes that they have of a run undisturbed.

        Tables of simple matches, and across layers, are among them only where a study asked for
        some.
        """
        files = {
            "results.parquet": _parquet(self.results),
            "results.csv": _csv(self.results),
            "networks.parquet": _parquet(self.networks),
            "networks.csv": _csv(self.networks),
            "training.parquet": _parquet(self.training),
            "training.csv": _csv(self.training),
            "layers.csv": _csv(self.layers),
            "neurons.parquet": _parquet(self.neurons),
        }
        if self.timings.height:
            files["timings.csv"] = _csv(self.timings)
        if self.simple_matches.height:
            files["simple_matches.parquet"] = _parquet(self.simple_matches)
        if self.structure.height:
            files["structure.parquet"] = _parquet(self.structure)
            files["structure.csv"] = _csv(self.structure)
        if self.across.height:
            files["across.parquet"] = _parquet(self.across)
            files["principal.parquet"] = _parquet(self.principal)
            files["identification.csv"] = _csv(self.identification)
        if self.analyses.height:
            files["analyses.parquet"] = _parquet(self.analyses)
        return files


def read_table(name: str, read: Callable[[str], bytes | None]) -> pl.DataFrame:
    """A table of a report, from its file; empty where the report has none.

    Parameters
    ----------
    name
        A field of `Tables`.
    read
        Gives the content of a file of the report, None where there is none.
    """
    schema = {column: described.dtype for column, described in _SCHEMAS[name].items()}
    if (content := read(f"{name}.parquet")) is not None:
        return pl.read_parquet(content)
    if (content := read(f"{name}.csv")) is not None:
        return pl.read_csv(content, schema=schema)
    return pl.DataFrame(schema=schema)


def _checked(table: str, rows: Rows, schema: Schema) -> pl.DataFrame:
    frame = _framed(table, rows, schema)
    for name, column in schema.items():
        if column.nullable or column.derived:
            continue
        empty = _without_value(frame[name])
        if empty:
            raise InputError(
                f"Expected a value in every row of {table}.{name} ({column.meaning}). "
                f"Got {empty} empty of {frame.height}."
            )
    for name, column in schema.items():
        if column.choices:
            strange = sorted(set(frame[name].unique()) - set(column.choices))
            if strange:
                raise InputError(
                    f"Expected {table}.{name} to be one of {', '.join(column.choices)}. "
                    f"Got {strange[0]!r}."
                )
    key = [name for name, column in schema.items() if column.key]
    twice = frame.filter(frame.select(key).is_duplicated()).select(key)
    if twice.height:
        raise InputError(
            f"Expected one row of {table} for each {', '.join(key)}. Got {twice.height} rows that "
            f"share their key, first {twice.row(0)}."
        )
    return frame


def _framed(table: str, rows: Rows, schema: Schema) -> pl.DataFrame:
    """A DataFrame with exactly the columns of the schema, in its order, NaN made null."""
    present = set(rows.columns) if isinstance(rows, pl.DataFrame) else {k for r in rows for k in r}
    for name in sorted(present - set(schema)):
        near = difflib.get_close_matches(name, schema, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise InputError(
            f"Expected columns of the {table} table. Got {name!r}.{hint} "
            f"Known: {', '.join(schema)}."
        )
    required = {name for name, column in schema.items() if not (column.nullable or column.derived)}
    absent = sorted(required - present)
    if absent and len(rows):
        raise InputError(
            f"Expected every row of the {table} table to have {', '.join(sorted(required))}. "
            f"Got rows without {', '.join(absent)}."
        )
    columns = []
    for name, column in schema.items():
        if name not in present:
            values = pl.Series(name, [None] * len(rows), dtype=column.dtype)
        elif isinstance(rows, pl.DataFrame):
            values = rows[name]
        else:
            values = pl.Series(name, [row.get(name) for row in rows], strict=False)
        if not _fits(values.dtype, column.dtype):
            raise InputError(
                f"Expected {table}.{name} ({column.meaning}) to be {column.dtype}. "
                f"Got {values.dtype}, first {values.drop_nulls().first()!r}."
            )
        values = values.cast(column.dtype)
        columns.append(values.fill_nan(None) if column.dtype == pl.Float64 else values)
    return pl.DataFrame(columns)


def _without_value(values: pl.Series) -> int:
    """How many rows are null, or are a list with a null in it."""
    if not isinstance(values.dtype, pl.List):
        return values.null_count()
    return values.null_count() + int(
        (values.list.len() > values.list.drop_nulls().list.len()).sum()
    )


def _fits(got: DataTypeClass | pl.DataType, expected: DataTypeClass | pl.DataType) -> bool:
    """Whether a cast loses nothing: polars itself would cut 1.5 to 1 in silence."""
    if isinstance(got, pl.List) and isinstance(expected, pl.List):
        return _fits(got.inner, expected.inner)
    return (
        got in (expected, pl.Null)
        or (expected == pl.Float64 and got.is_numeric())
        or (expected == pl.Int64 and got.is_integer())
    )


def _check_networks(
    table: str, rows: pl.DataFrame, columns: tuple[str, ...], order: Mapping[str, int]
) -> None:
    for column in columns:
        strange = sorted(set(rows[column].unique()) - set(order))
        if strange:
            raise InputError(
                f"Expected {table}.{column} to name a network of the networks table. "
                f"Got {strange[0]!r}. Known: {', '.join(order) or 'none'}."
            )


def _place(column: str, order: Mapping[str, int]) -> pl.Expr:
    return pl.col(column).replace_strict(dict(order), default=None, return_dtype=pl.Int64)


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _csv(frame: pl.DataFrame) -> bytes:
    return frame.write_csv().encode()
