"""The nodes of a tile give, in any cut, what one pass over the whole arrays gives."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from repsim import Moments, cka, match_profile
from repsim.errors import IntegrityError
from repsim.graph import Worker, run_batch
from repsim.stages import comparison, profiles, replicates
from repsim.stages.matches import stored_rows
from repsim.stages.moments import stored_moments
from repsim.stages.profiles import stored_profile
from repsim.stages.tiles import reduce_tile, tiles_of
from repsim.store import Activations, Artifact, Store, activations
from repsim.study import Component, Matching
from tests.repsim.stages.pairs import (
    EXAMPLES,
    NEURONS,
    POSITIONS,
    ids,
    make,
    make_many,
    make_pair,
    nodes_of,
    run,
)

EXAMPLE_BYTES = POSITIONS * NEURONS * 4


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "runs"))


@pytest.fixture
def cut(monkeypatch):
    """So many examples in a shard, and so many shards in a task."""

    def set_sizes(examples, shards=1):
        monkeypatch.setattr(activations, "CHUNK_BYTES", EXAMPLE_BYTES)
        monkeypatch.setattr(activations, "SHARD_BYTES", examples * EXAMPLE_BYTES)
        operations = POSITIONS * 4 * NEURONS**2 * examples
        monkeypatch.setattr(comparison, "OPERATIONS_PER_TASK", shards * operations)

    return set_sizes


def files(store):
    return {path: (store.root / path).stat().st_mtime_ns for path in store.sizes("")}


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize(
    ("examples", "shards", "leaves"), [(37, 1, 1), (1, 1, 37), (2, 1, 19), (5, 1, 8), (4, 2, 5)]
)
def test_the_rows_are_those_of_one_pass(store, cut, examples, shards, leaves, centred):
    cut(examples, shards)
    pair = make_pair(store, centred=centred, permutations=0)
    assert len(pair.spec.example_ranges) == leaves
    assert Activations(pair.store, pair.spec.x.key).examples_per_shard == min(examples, EXAMPLES)

    make(store, pair.spec)
    rows = stored_rows(store, pair.spec)
    x, y = pair.samples
    expected = match_profile(Moments.from_arrays(x, y), centred=centred)
    matches = [row for row in rows if row["measure"] == "maximum match similarity"]
    assert [row["epsilon"] for row in matches] == [0.1, 0.3, 0.6]
    assert {row["value"] for row in matches} - {0.0}
    for row in matches:
        match = expected.maximum_match(row["epsilon"])
        assert row["value"] == expected.similarity(row["epsilon"])
        assert (row["matched_x"], row["matched_y"]) == (len(match.x), len(match.y))
    (area,) = [row for row in rows if row["measure"] == "area under the match curve"]
    assert area["value"] == pytest.approx(expected.area(), rel=1e-12)
    (other,) = [row for row in rows if row["measure"] == "cka[linear,centred,biased]"]
    assert other["value"] == pytest.approx(cka(x, y), rel=1e-12)
    assert other["centred"]
    for row in rows:
        assert (row["neurons_x"], row["neurons_y"], row["samples"]) == (5, 5, 111)
        assert (row["dead_x"], row["dead_y"]) == (1, 1)
        assert row is other or row["centred"] == centred


@pytest.mark.parametrize("examples", [1, 2, 5])
def test_the_sum_of_the_parts_is_the_single_pass(store, cut, examples):
    cut(examples)
    pair = make_pair(store)
    make(store, pair.spec)
    summed = stored_moments(store, pair.spec.moments_folder)
    whole = Moments.from_arrays(*pair.samples)
    assert summed.count == whole.count
    for name, values in whole.arrays().items():
        np.testing.assert_allclose(summed.arrays()[name], values, rtol=1e-12, atol=1e-12)
    profile = stored_profile(store, pair.spec)
    np.testing.assert_allclose(
        profile.critical_x, match_profile(whole).critical_x, rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("leaves", [1, 2, 7, 8, 9, 37])
def test_every_node_comes_after_those_it_needs_and_every_example_is_read_once(store, cut, leaves):
    cut(-(-EXAMPLES // leaves))
    pair = make_pair(store, permutations=0)
    made = {layer.folder for layer in pair.spec.layers}
    for node in nodes_of(store, pair.spec):
        assert made.issuperset(node.needs)
        folders = set(node.folders)
        assert made.isdisjoint(folders)
        made |= folders
    (tile,) = tiles_of([pair.spec])
    assert made >= set(tile.part_folders)
    read = tile.example_ranges
    assert [i for start, stop in read for i in range(start, stop)] == list(range(EXAMPLES))


@pytest.mark.parametrize("networks", [2, 3, 5])
@pytest.mark.parametrize("side", [1, 2, 4])
def test_of_m_networks_each_block_is_read_once_for_every_tile(
    store, cut, monkeypatch, networks, side
):
    cut(5)
    monkeypatch.setattr("repsim.stages.tiles.MOST_NETWORKS", side)
    monkeypatch.setattr("repsim.stages.tiles.TILE_BYTES", 2**40)
    specs = make_many(store, networks)
    read = {}
    blocks = Activations.blocks

    def counted(self, start, stop, examples):
        for first in range(start, stop, examples):
            read[self.key, first] = read.get((self.key, first), 0) + 1
        return blocks(self, start, stop, examples)

    monkeypatch.setattr(Activations, "blocks", counted)
    make(store, *specs)
    assert len(read) == networks * 8
    assert max(read.values()) <= -(-networks // side)


def test_a_tile_gives_each_pair_the_bits_that_it_has_alone(store, cut, tmp_path):
    cut(8)
    specs = make_many(store, 3)
    shutil.copytree(store.root, tmp_path / "alone")
    alone = Store(str(tmp_path / "alone"))
    make(store, *specs)
    for spec in specs:
        make(alone, spec)
        assert stored_rows(alone, spec) == stored_rows(store, spec)


def test_ranges_are_whole_shards(store, cut):
    cut(4, shards=2)
    spec = make_pair(store, permutations=0).spec
    assert spec.x.examples_per_shard == 4
    assert spec.example_ranges == [(0, 8), (8, 16), (16, 24), (24, 32), (32, 37)]


def test_examples_to_permute_are_in_every_range(store, cut):
    cut(2)
    spec = make_pair(store, permutations=4).spec
    assert spec.example_ranges[:2] == [(0, 6), (6, 12)]
    assert all(stop - start > 4 for start, stop in spec.example_ranges)
    assert spec.example_ranges[-1] == (30, 37)


def test_a_second_call_makes_nothing_and_reads_no_activations(store, cut, monkeypatch):
    cut(5)
    pair = make_pair(store)
    make(store, pair.spec)
    before = files(store)

    def never(*arguments, **options):
        raise AssertionError("computed again")

    monkeypatch.setattr(profiles, "match_profile", never)
    monkeypatch.setattr(replicates, "match_profile", never)
    monkeypatch.setattr(Activations, "blocks", never)
    monkeypatch.setattr(Moments, "__add__", never)
    make(store, pair.spec)
    assert files(store) == before


def test_another_epsilon_needs_neither_activations_nor_profiles(store, cut, monkeypatch):
    pair = make_pair(store)
    make(store, pair.spec)
    wider = replace(pair.spec, matching=Matching(epsilons=(0.45,)))

    def never(*arguments, **options):
        raise AssertionError("computed again")

    monkeypatch.setattr(profiles, "match_profile", never)
    monkeypatch.setattr(replicates, "match_profile", never)
    monkeypatch.setattr(Activations, "blocks", never)
    make(store, wider)
    (row,) = [row for row in stored_rows(store, wider) if row["epsilon"] == 0.45]
    assert len(row["null"]) == pair.spec.permutations
    assert len(row["within"]) == pair.spec.within == pair.spec.permutations
    assert len(row["without"]) == pair.spec.groups > 0


def test_another_measure_reads_the_activations_once_more(store, cut):
    pair = make_pair(store)
    make(store, pair.spec)
    more = replace(pair.spec, measures=(*pair.spec.measures, Component(name="cca")))
    make(store, more)
    rows = {row["measure"]: row for row in stored_rows(store, more)}
    before = {row["measure"]: row for row in stored_rows(store, pair.spec)}
    assert len(rows) == len(before) + 1
    assert {name: rows[name] for name in before} == before


def test_after_a_stop_only_what_is_missing_is_made(store, cut):
    cut(8)
    pair = make_pair(store, permutations=2)
    run(store, nodes_of(store, pair.spec)[:4])
    for path in store.sizes(pair.spec.x.artifact(store).folder):
        if any(f"/c/{shard}/" in path for shard in range(4)):
            store.delete(path)  # a range that is reduced again would be found out
    make(store, pair.spec)


def test_stopped_after_any_node_it_ends_with_the_same_rows(store, cut, tmp_path):
    cut(8)
    pair = make_pair(store)
    shutil.copytree(store.root, tmp_path / "begun")
    make(store, pair.spec)
    rows = stored_rows(store, pair.spec)
    for number in range(1, len(nodes_of(Store(str(tmp_path / "begun")), pair.spec))):
        again = Store(str(tmp_path / str(number)))
        shutil.copytree(tmp_path / "begun", again.root)
        nodes = nodes_of(again, pair.spec)
        run(again, nodes[:number])
        make(again, pair.spec)
        assert stored_rows(again, pair.spec) == rows
        run(again, nodes)  # started twice, as engines may
        assert stored_rows(again, pair.spec) == rows


def test_what_moments_were_made_of_is_not_kept(store, cut):
    cut(1)
    pair = make_pair(store)
    make(store, pair.spec)
    kept = {path.split("/")[1] for path in store.sizes("moments")}
    assert kept == {pair.spec.moments_folder.partition("/")[2]}
    assert not store.sizes("tiles")
    assert not store.sizes("resamples")


def test_two_layers_of_other_examples_are_never_compared(store):
    pair = make_pair(store, (ids(), ids("train")))
    with pytest.raises(
        IntegrityError, match=r"same examples in the same order\. Got 37 in activat"
    ):
        make(store, pair.spec)
    assert store.sizes("moments") == {}


def test_the_same_examples_in_another_order_are_refused(store):
    pair = make_pair(store, (ids(), ids()[::-1]))
    with pytest.raises(
        IntegrityError, match=r"the lists differ\. Delete both folders and run agai"
    ):
        make(store, pair.spec)


def test_damaged_activations_give_no_moments(store, cut):
    cut(5)
    pair = make_pair(store)
    shards = store.sizes(pair.spec.y.artifact(store).folder)
    store.delete(next(path for path in shards if "/c/3/" in path))
    with pytest.raises(IntegrityError, match=r"Got nothing at activations/.*/c/3/0/0"):
        make(store, pair.spec)
    assert not Artifact.at(store, pair.spec.folder).exists()


def test_a_pair_that_fails_does_not_stop_the_others_of_its_tile(store):
    specs = make_many(store, 3)
    assert len(tiles_of(specs)) == 1
    broken = Artifact.at(store, specs[1].profile_folder).draft()
    broken.publish()  # with nothing in it
    failed = run_batch(store, nodes_of(store, *specs), (), Worker())
    errors = [failed.get(spec.folder) for spec in specs]
    assert [isinstance(error, IntegrityError) for error in errors] == [False, True, False]
    there = [Artifact.at(store, spec.folder).exists() for spec in specs]
    assert there == [True, False, True]


def test_a_worker_that_lost_a_race_uses_what_was_published_first(store):
    pair = make_pair(store)
    (tile,) = tiles_of([pair.spec])
    reduce_tile(store, tile, 0, EXAMPLES)
    (folder,) = tile.part_folders
    published = Artifact.at(store, folder).marker()
    reduce_tile(store, tile, 0, EXAMPLES)
    assert Artifact.at(store, folder).marker() == published


def test_the_estimate_of_memory_is_above_what_the_largest_task_holds(store):
    spec = make_pair(store).spec
    (tile,) = tiles_of([spec])
    assert tile.memory >= 2 * spec.x.bytes + spec.permutations * 8 * NEURONS**2
    assert spec.x.bytes == EXAMPLES * EXAMPLE_BYTES
