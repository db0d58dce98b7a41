"""Layers against all others, from activations in a store to rows that fit their schemas."""

import itertools
import tracemalloc

import numpy as np
import polars as pl
import pytest

from repsim.across import first_component, heatmap
from repsim.errors import InputError, IntegrityError
from repsim.examples import LayerExamples
from repsim.results import Column
from repsim.results.schemas_across import ACROSS, IDENTIFICATION, PRINCIPAL
from repsim.stages import across as across_stage
from repsim.stages.across import across_bytes, compare_across, stored_across
from repsim.stages.examples import StoredExamples, summarise_layer, summary_bytes
from repsim.store import Activations, ActivationWriter, Artifact, Store

EXAMPLES, POSITIONS = 40, 4


def write(store, key, values, *, ids=None):
    writer = ActivationWriter(
        Artifact(store, "activations", key),
        layer=key,
        ids=ids or [f"test/{i}" for i in range(len(values))],
        positions=values.shape[1],
        neurons=values.shape[2],
        dtype="float32",
    )
    writer.append(values.astype(np.float32))
    writer.publish({})


def maps(seed, neurons=5):
    return np.random.default_rng(seed).normal(size=(EXAMPLES, POSITIONS, neurons))


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path))


@pytest.fixture
def networks(store):
    """Two networks whose layers correspond, and a third with another layer; arrays by place."""
    arrays, places = {}, []
    generator = np.random.default_rng(9)
    for network, layers in {"n0": "ab", "n1": "ab", "n2": "abc"}.items():
        for depth, layer in enumerate(layers):
            key = f"{network}-{layer}"
            values = maps(depth) + 0.2 * generator.normal(size=(EXAMPLES, POSITIONS, 5))
            write(store, key, values)
            arrays[network, layer] = values.astype(np.float32)
            summarise_layer(store, f"examples/e-{key}", key, 30)
            places.append((network, layer, depth, f"examples/e-{key}"))
    return arrays, places


def tables_of(store, places, **given):
    """Of every network with itself and with every other."""
    networks = {place[0]: [one for one in places if one[0] == place[0]] for place in places}
    folders = []
    for a, b in itertools.combinations_with_replacement(networks, 2):
        folders.append(f"across/{a}-{b}")
        compare_across(store, folders[-1], networks[a], networks[b], **given)
    return {name: pl.DataFrame(found) for name, found in stored_across(store, folders).items()}


def test_the_first_examples_are_kept(store):
    x = maps(0)
    write(store, "a", x)
    summarise_layer(store, "examples/e", "a", 30)
    stored = StoredExamples(Artifact(store, "examples", "e"))
    expected = LayerExamples.from_array(x[:30].astype(np.float32))
    np.testing.assert_allclose(stored.layer().pooled, expected.pooled, rtol=1e-12)
    for features in ("averaged", "flattened"):
        gram = expected.features(features)
        np.testing.assert_allclose(stored.layer().features(features).gram, gram.gram, rtol=1e-12)
        component = stored.first_component(features)
        direct = first_component(gram)
        assert component.share == pytest.approx(direct.share, rel=1e-9)
        assert abs(component.scores @ direct.scores) == pytest.approx(1)
    assert stored.count == 30


def test_fewer_examples_than_asked_for_are_all_kept(store):
    write(store, "a", maps(0))
    summarise_layer(store, "examples/e", "a", 1000)
    assert StoredExamples(Artifact(store, "examples", "e")).count == EXAMPLES


def test_no_more_than_the_first_examples_are_read(store, monkeypatch):
    write(store, "a", maps(0))
    asked = []
    blocks = Activations.blocks

    def counted(self, start, stop, examples):
        asked.append((start, stop))
        return blocks(self, start, stop, examples)

    monkeypatch.setattr(Activations, "blocks", counted)
    summarise_layer(store, "examples/e", "a", 10)
    assert sorted(itertools.chain(*(range(*span) for span in asked))) == list(range(10))


def test_drawn_positions_are_averaged_only(store):
    write(store, "a", maps(0))
    summarise_layer(store, "examples/e", "a", 30, False)
    stored = StoredExamples(Artifact(store, "examples", "e"))
    assert stored.layer().flattened is None
    assert np.isfinite(stored.first_component("averaged").share)
    with pytest.raises(InputError, match="Got positions drawn for each example"):
        tables_of(store, [("n", "a", 0, "examples/e")], features=("flattened",))


def test_every_layer_meets_every_other(store, networks):
    arrays, places = networks
    across = tables_of(store, places)["across"]
    layers = [(network, layer) for network, layer, _, _ in places]
    names = ["n0", "n1", "n2"]
    pairs = itertools.combinations_with_replacement(names, 2)
    expected = {
        (*a, *b) for x, y in pairs for a in layers for b in layers if (a[0], b[0]) == (x, y)
    }
    debiased = across.filter(pl.col("measure") == "cka[linear,centred,debiased,averaged]")
    got = debiased.select("network_a", "layer_a", "network_b", "layer_b")
    assert set(got.iter_rows()) == expected
    assert got.height == len(expected)
    for a, layer_a, b, layer_b, value in debiased.select(
        "network_a", "layer_a", "network_b", "layer_b", "value"
    ).iter_rows():
        ((direct,),) = heatmap([arrays[a, layer_a][:30]], [arrays[b, layer_b][:30]], debiased=True)
        assert value == pytest.approx(direct, abs=1e-9)


def test_tables_have_the_columns_of_their_schemas(store, networks):
    _, places = networks
    tables = tables_of(store, places, features=("averaged", "flattened"))
    for name, schema in (
        ("across", ACROSS),
        ("principal", PRINCIPAL),
        ("identification", IDENTIFICATION),
    ):
        table = tables[name]
        assert set(table.columns) == set(schema)
        for column, rule in schema.items():
            assert isinstance(rule, Column)
            assert table[column].dtype == rule.dtype
            assert rule.nullable or not table[column].null_count()
            assert not rule.choices or set(table[column]) <= set(rule.choices)
        key = [column for column, rule in schema.items() if rule.key]
        assert not table.select(key).is_duplicated().any()
    assert set(tables["across"]["features"]) == {"averaged", "flattened"}
    assert tables["principal"].height == 7 * 2
    assert set(tables["principal"]["examples"]) == {30}


def test_corresponding_layers_are_found_over_all_pairs(store, networks):
    _, places = networks
    found = tables_of(store, places)["identification"]
    assert found.height == len(across_stage.IDENTIFIED)
    # Layers a and b, in three pairs, both ways; c has no counterpart.
    assert set(found["total"]) == {12}
    debiased = found.filter(pl.col("measure").str.starts_with("cka[linear,centred,debiased")).row(
        0, named=True
    )
    assert debiased["accuracy"] == 1
    # Four of the twelve choose from the three layers of n2.
    assert debiased["chance"] == pytest.approx((8 / 2 + 4 / 3) / 12)
    assert debiased["interval_low"] < 1 == debiased["interval_high"]


def test_other_examples_are_refused(store):
    for key, prefix in (("a", "test"), ("b", "other")):
        write(store, key, maps(0), ids=[f"{prefix}/{i}" for i in range(EXAMPLES)])
        summarise_layer(store, f"examples/e-{key}", key, 30)
    a, b = [("n", "a", 0, "examples/e-a")], [("m", "b", 0, "examples/e-b")]
    with pytest.raises(IntegrityError, match=r"Got 30 of a of n \(examples/e-a\) and 30 of b of m"):
        compare_across(store, "across/t", a, b)


def test_a_constant_layer_is_null_and_not_an_error(store):
    for key, values in (("a", maps(0)), ("b", np.zeros((EXAMPLES, POSITIONS, 5)))):
        write(store, key, values)
        summarise_layer(store, f"examples/e-{key}", key, 30)
    places = [
        ("n", "a", 0, "examples/e-a"),
        ("n", "b", 1, "examples/e-b"),
        ("m", "a", 0, "examples/e-a"),
    ]
    tables = tables_of(store, places)
    dead = (pl.col("layer_a") == "b") | (pl.col("layer_b") == "b")
    assert tables["across"].filter(dead)["value"].is_null().all()
    assert tables["across"].filter(~dead)["value"].is_not_null().all()
    assert tables["principal"].filter(pl.col("layer") == "b")["first_share"].to_list() == [None]
    assert set(tables["identification"]["undefined"]) == {0}


def test_two_networks_take_what_is_planned(store):
    generator = np.random.default_rng(0)
    count, neurons, layers = 256, 32, 6
    places = {"n": [], "m": []}
    for place in range(layers):
        write(store, f"a{place}", generator.normal(size=(count, 1, neurons)))
        summarise_layer(store, f"examples/e{place}", f"a{place}", count)
        for name, found in places.items():
            found.append((name, f"l{place}", place, f"examples/e{place}"))
    compare_across(store, "across/imports", places["n"][:1], places["m"][:1])
    tracemalloc.start()
    compare_across(store, "across/t", places["n"], places["m"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < across_bytes(count, layers, neurons) < 2 * peak


def test_a_summary_takes_what_is_planned(store):
    examples, positions, neurons = 256, 256, 64
    write(store, "a", np.random.default_rng(0).normal(size=(examples, positions, neurons)))
    tracemalloc.start()
    summarise_layer(store, "examples/e", "a", examples)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    planned = summary_bytes(examples, positions, neurons)
    assert planned / 2 < peak < planned


def test_default_measures_exist():
    names = {name for name, _ in across_stage.IDENTIFIED}
    assert {"cka", "svcca", "pwcca", "linear_regression", "rsa", "mutual_knn"} <= names


def test_further_measures_keep_every_value(store, networks):
    _, places = networks
    a, b = ([place for place in places if place[0] == name] for name in ("n0", "n1"))
    compare_across(store, "across/further", a, b, measures=("cca", "cosine"))
    rows = stored_across(store, ["across/further"])
    across = pl.DataFrame(rows["across"])
    for measure in ("cca[power=1,centred]", "cosine[distance,uncentred]"):
        found = across.filter(pl.col("measure") == measure)
        assert found.height == len(a) * len(b)
        assert found["value"].is_not_null().all()
    # A measure that is kept is not one by which layers are looked for.
    assert {row["measure"] for row in rows["identification"]} >= {"cca[power=1,centred]"}
    assert "cosine[distance,uncentred]" not in {row["measure"] for row in rows["identification"]}
