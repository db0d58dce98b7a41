"""The tidy tables: what they refuse, how they are ordered, and that their bytes repeat."""

import io
from dataclasses import fields
from typing import Any

import numpy as np
import polars as pl
import pytest

from repsim.errors import InputError
from repsim.results import (
    AREA_UNDER_CURVE,
    MAXIMUM_MATCH,
    NETWORKS,
    NEURONS,
    RESULTS,
    SIMPLE_MATCHES,
    STRUCTURE,
    Tables,
    read_table,
)
from tests.repsim.report.simple_rows import simple_row, structure_row

NETWORK_ROWS: list[dict[str, Any]] = [
    {"network": f"seed {seed}", "variant": "", "seed": str(seed), "status": "done"}
    for seed in (0, 1, 10)
]


def result(**changes: Any) -> dict[str, Any]:
    return {
        "study": "s",
        "network_a": "seed 0",
        "network_b": "seed 1",
        "layer": "relu",
        "depth": 0,
        "measure": MAXIMUM_MATCH,
        "epsilon": 0.3,
        "value": 0.5,
        "neurons_x": 4,
        "neurons_y": 4,
        "dead_x": 0,
        "dead_y": 0,
        "samples": 100,
        "examples": 100,
        "centred": False,
        "method": "moments",
        **changes,
    }


def test_every_column_says_what_it_means():
    for schema in (NETWORKS, RESULTS, NEURONS, SIMPLE_MATCHES, STRUCTURE):
        assert all(column.meaning for column in schema.values())


def test_tables_have_exactly_the_columns_of_their_schema():
    tables = Tables.from_rows(networks=NETWORK_ROWS, results=[result()])
    assert tables.results.columns == list(RESULTS)
    assert [tables.results.schema[name] for name in RESULTS] == [c.dtype for c in RESULTS.values()]
    assert tables.neurons.columns == list(NEURONS)
    assert tables.neurons.height == 0


def test_an_unknown_column_is_refused_with_the_nearest_one():
    with pytest.raises(InputError, match=r"Got 'epsilom'\. Did you mean 'epsilon'\?"):
        Tables.from_rows(networks=NETWORK_ROWS, results=[result(epsilom=0.1)])


def test_a_missing_column_is_refused():
    row = result()
    del row["samples"]
    with pytest.raises(InputError, match="Got rows without samples"):
        Tables.from_rows(networks=NETWORK_ROWS, results=[row])


def test_a_required_value_may_not_be_null_in_any_row():
    with pytest.raises(InputError, match=r"every row of results\.depth .* Got 1 empty of 2"):
        Tables.from_rows(networks=NETWORK_ROWS, results=[result(), result(epsilon=0.5, depth=None)])


@pytest.mark.parametrize("depth", [1.5, "first", True])
def test_a_value_of_another_type_is_refused_and_never_cut(depth):
    with pytest.raises(InputError, match=r"results\.depth .* to be Int64"):
        Tables.from_rows(networks=NETWORK_ROWS, results=[result(depth=depth)])


def test_a_frame_is_held_to_the_same_types():
    frame = pl.DataFrame([result()]).with_columns(pl.col("samples").cast(pl.Float64))
    with pytest.raises(InputError, match=r"results\.samples .* Got Float64"):
        Tables.from_rows(networks=NETWORK_ROWS, results=frame)


def test_a_value_outside_its_choices_is_refused():
    with pytest.raises(InputError, match=r"one of moments, factor\. Got 'guess'"):
        Tables.from_rows(networks=NETWORK_ROWS, results=[result(method="guess")])


def test_two_rows_with_one_key_are_refused():
    with pytest.raises(InputError, match="Expected one row of results for each study"):
        Tables.from_rows(networks=NETWORK_ROWS, results=[result(), result(value=0.6)])


def test_a_row_of_an_unknown_network_is_refused():
    with pytest.raises(InputError, match=r"Got 'seed 2'\. Known: seed 0, seed 1, seed 10"):
        Tables.from_rows(networks=NETWORK_ROWS, results=[result(network_b="seed 2")])


def test_rows_are_ordered_by_study_depth_measure_and_epsilon_however_they_arrive():
    rows = [
        result(network_b=b, layer=layer, depth=depth, measure=measure, epsilon=epsilon)
        for b in ("seed 1", "seed 10")
        for depth, layer in enumerate(("zeta", "alpha"))
        for measure, epsilon in (
            (MAXIMUM_MATCH, 0.15),
            (MAXIMUM_MATCH, 0.3),
            (AREA_UNDER_CURVE, None),
            ("a later measure", None),
        )
    ]
    expected = Tables.from_rows(networks=NETWORK_ROWS, results=rows)
    assert expected.results.select("network_b", "layer", "measure", "epsilon").rows() == [
        (row["network_b"], row["layer"], row["measure"], row["epsilon"]) for row in rows
    ]
    rng = np.random.default_rng(0)
    for _ in range(5):
        shuffled = [rows[i] for i in rng.permutation(len(rows))]
        tables = Tables.from_rows(networks=NETWORK_ROWS, results=shuffled)
        assert tables.files() == expected.files()


def test_nan_is_null_in_every_column_of_numbers():
    tables = Tables.from_rows(
        networks=NETWORK_ROWS,
        results=[result(value=float("nan"), condition=np.float64("nan"))],
    )
    assert tables.results["value"].null_count() == 1
    assert tables.results["condition"].null_count() == 1


def test_files_read_back_as_the_tables():
    tables = Tables.from_rows(networks=NETWORK_ROWS, results=[result(), result(epsilon=0.5)])
    files = tables.files()
    assert pl.read_parquet(io.BytesIO(files["results.parquet"])).equals(tables.results)
    assert pl.read_parquet(io.BytesIO(files["networks.parquet"])).equals(tables.networks)
    assert pl.read_csv(io.BytesIO(files["results.csv"]), schema=tables.results.schema).equals(
        tables.results
    )
    assert {"training.parquet", "layers.csv", "neurons.parquet"} <= set(files)


def test_every_table_is_read_from_the_files_of_a_report():
    networks = [{**row, "variant": "wide"} for row in NETWORK_ROWS]
    layer = {"variant": "wide", "layer": "relu", "depth": 1, "type": "ReLU", "neurons": 3}
    tables = Tables.from_rows(
        networks=networks,
        results=[result()],
        layers=[{**layer, "positions": 1, "total_positions": 1}],
        timings=[{"network": "seed 0", "epoch": 1, "seconds": 0.25}],
    )
    files = tables.files()
    for field in fields(Tables):
        read = read_table(field.name, files.get)
        assert read.equals(getattr(tables, field.name)), field.name
        assert read.schema == getattr(tables, field.name).schema


PAIR = {"network_a": "seed 0", "network_b": "seed 1"}


def simple_tables(simple: Any = (), structure: Any = ()) -> Tables:
    return Tables.from_rows(networks=NETWORK_ROWS, simple_matches=simple, structure=structure)


def test_simple_matches_and_structure_have_the_columns_of_their_schema_even_when_empty():
    full = simple_tables([simple_row(size=4, **PAIR)], [structure_row(**PAIR)])
    for tables in (full, simple_tables()):
        for frame, schema in (
            (tables.simple_matches, SIMPLE_MATCHES),
            (tables.structure, STRUCTURE),
        ):
            assert dict(frame.schema) == {name: column.dtype for name, column in schema.items()}


def test_simple_matches_are_ordered_by_pair_depth_epsilon_and_rank_however_they_arrive():
    places = [
        {"network_a": "seed 0", "network_b": b, "layer": layer, "depth": depth, "epsilon": epsilon}
        for b in ("seed 1", "seed 10")
        for depth, layer in enumerate(("zeta", "alpha"))
        for epsilon in (0.15, 0.3)
    ]
    simple = [simple_row(size=2, rank=rank, **place) for place in places for rank in (1, 2, 10)]
    structure = [structure_row(**place) for place in places]
    expected = simple_tables(simple, structure)
    key = [name for name, column in SIMPLE_MATCHES.items() if column.key]
    assert expected.simple_matches.select(key).rows() == [tuple(r[k] for k in key) for r in simple]
    assert expected.structure["layer"].to_list() == [row["layer"] for row in structure]
    rng = np.random.default_rng(0)
    shuffled = [[rows[i] for i in rng.permutation(len(rows))] for rows in (simple, structure)]
    assert simple_tables(*shuffled).files() == expected.files()


def test_members_may_be_an_empty_list_in_every_row():
    tables = simple_tables([simple_row(size=4, **PAIR)])
    assert tables.simple_matches["minimum_for_y"].to_list() == [[]]
    assert tables.simple_matches["members_x"].to_list() == [[1, 2]]


@pytest.mark.parametrize("members", [[1.5], ["x1"], [True], 3])
def test_members_that_are_not_indices_are_refused(members):
    with pytest.raises(InputError, match=r"simple_matches\.members_x .* to be List\(Int64\)"):
        simple_tables([simple_row(size=4, members_x=members, **PAIR)])


@pytest.mark.parametrize("members", [None, [1, None]])
def test_members_may_not_be_null_nor_hold_a_null(members):
    rows = [
        simple_row(size=4, rank=1, **PAIR),
        simple_row(size=4, rank=2, members_x=members, **PAIR),
    ]
    with pytest.raises(InputError, match=r"every row of simple_matches\.members_x .* 1 empty of 2"):
        simple_tables(rows)


def test_a_rank_and_a_structure_are_there_once_for_each_comparison():
    with pytest.raises(InputError, match="Expected one row of simple_matches for each network_a"):
        simple_tables([simple_row(size=4, **PAIR), simple_row(size=6, **PAIR)])
    with pytest.raises(InputError, match="Expected one row of structure for each network_a"):
        simple_tables(structure=[structure_row(**PAIR), structure_row(**PAIR)])


def test_simple_matches_of_an_unknown_network_are_refused():
    with pytest.raises(InputError, match=r"simple_matches\.network_a .* Got 'seed-0'"):
        simple_tables([simple_row(size=4)])
    with pytest.raises(InputError, match=r"structure\.network_a .* Got 'seed-0'"):
        simple_tables(structure=[structure_row()])


def test_files_of_simple_matches_are_written_only_when_there_are_some():
    assert not {name for name in simple_tables().files() if "simple" in name or "struct" in name}
    tables = simple_tables([simple_row(size=4, **PAIR)], [structure_row(gap_needed=None, **PAIR)])
    files = tables.files()
    read = pl.read_parquet(io.BytesIO(files["simple_matches.parquet"]))
    assert read.equals(tables.simple_matches)
    assert pl.read_parquet(io.BytesIO(files["structure.parquet"])).equals(tables.structure)
    read = pl.read_csv(io.BytesIO(files["structure.csv"]), schema=tables.structure.schema)
    assert read.equals(tables.structure)
    assert "simple_matches.csv" not in files


def variants(**of: str) -> list[dict[str, Any]]:
    return [
        {"network": name, "variant": variant, "seed": "0", "status": "done"}
        for name, variant in of.items()
    ]


def test_each_pair_has_the_variants_of_its_networks_and_their_group():
    networks = variants(w="wide", x="wide", n="narrow")
    pairs = [("w", "x"), ("w", "n"), ("n", "x")]
    rows = [result(network_a=a, network_b=b, group="what a row says") for a, b in pairs]
    got = Tables.from_rows(networks=networks, results=rows).results
    assert got.select("network_a", "variant_a", "variant_b", "group").rows() == [
        ("w", "wide", "wide", "wide"),
        ("w", "wide", "narrow", "wide – narrow"),
        ("n", "narrow", "wide", "wide – narrow"),
    ]


def test_a_study_without_variants_has_one_group_without_a_name():
    got = Tables.from_rows(networks=NETWORK_ROWS, results=[result()]).results
    assert got.select("variant_a", "variant_b", "group").row(0) == ("", "", "")
    again = Tables.from_rows(networks=NETWORK_ROWS, results=got)
    assert again.results.equals(got)


def test_layers_stand_by_variant_in_the_order_of_the_study():
    layer = {"type": "ReLU", "neurons": 8, "positions": 1, "total_positions": 1}
    rows = [
        {"variant": variant, "layer": name, "depth": depth, **layer}
        for variant in ("narrow", "wide")
        for name, depth in (("b", 1), ("a", 0))
    ]
    got = Tables.from_rows(networks=variants(w="wide", n="narrow"), layers=rows).layers
    assert got.columns[0] == "variant"
    assert got.select("variant", "layer").rows() == [
        ("wide", "a"),
        ("wide", "b"),
        ("narrow", "a"),
        ("narrow", "b"),
    ]
    with pytest.raises(InputError, match="one row of layers for each variant, layer"):
        Tables.from_rows(networks=variants(w="wide"), layers=[*rows, rows[0]])
