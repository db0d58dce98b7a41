"""The graph of a comparison gives, in any cut, what one pass over the whole arrays gives."""

import itertools
import shutil

import numpy as np
import pytest

from repsim import Moments, cka, match_profile
from repsim.errors import IntegrityError
from repsim.store import Activations, Artifact, Store, activations
from repsim.tasks import comparison, graph, specs
from repsim.tasks.comparison import merge_moments, reduce_examples, stored_profile, stored_rows
from repsim.tasks.graph import Ref, comparison_steps, run_steps
from tests.repsim.tasks.pairs import EXAMPLES, NEURONS, POSITIONS, ids, make_pair

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
        operations = POSITIONS * (2 * NEURONS) ** 2 * examples
        monkeypatch.setattr(specs, "OPERATIONS_PER_TASK", shards * operations)

    return set_sizes


def called(step):
    """The function of a step, without the arguments that are bound to it."""
    return getattr(step.function, "func", step.function)


def run(pair):
    return run_steps(comparison_steps(pair.store.location, pair.spec))


def files(store):
    return {path: (store.root / path).stat().st_mtime_ns for path in store.sizes("")}


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize(
    ("examples", "shards", "leaves"), [(37, 1, 1), (1, 1, 37), (2, 1, 19), (5, 1, 8), (4, 2, 5)]
)
def test_the_rows_are_those_of_one_pass(store, cut, examples, shards, leaves, centred):
    cut(examples, shards)
    pair = make_pair(store, centred=centred)
    assert len(pair.spec.example_ranges) == leaves
    assert Activations(pair.store, pair.spec.x.key).examples_per_shard == min(examples, EXAMPLES)

    assert run(pair) == pair.spec.key
    rows = stored_rows(pair.store, pair.spec.key)
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


@pytest.mark.parametrize("width", [2, 3, 8])
@pytest.mark.parametrize("examples", [1, 2, 5])
def test_the_tree_of_sums_is_the_single_pass(store, cut, monkeypatch, examples, width):
    cut(examples)
    monkeypatch.setattr(graph, "MERGE_WIDTH", width)
    pair = make_pair(store)
    run(pair)
    summed = Moments.from_mapping(
        Artifact(pair.store, "moments", pair.spec.moments_key).read_arrays("arrays.npz")
    )
    whole = Moments.from_arrays(*pair.samples)
    assert summed.count == whole.count
    for name, values in whole.arrays().items():
        np.testing.assert_allclose(summed.arrays()[name], values, rtol=1e-12, atol=1e-12)
    profile = stored_profile(pair.store, pair.spec.profile_key)
    np.testing.assert_allclose(
        profile.critical_x, match_profile(whole).critical_x, rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("leaves", [1, 2, 7, 8, 9, 37])
def test_every_step_comes_after_those_it_needs_and_every_example_is_read_once(store, cut, leaves):
    cut(-(-EXAMPLES // leaves))
    pair = make_pair(store)
    steps = comparison_steps(pair.store.location, pair.spec)
    names = [step.name for step in steps]
    assert len(set(names)) == len(names)
    for place, step in enumerate(steps):
        flat = itertools.chain(*(a if isinstance(a, list) else [a] for a in step.arguments))
        for argument in flat:
            if isinstance(argument, Ref):
                assert argument.step in names[:place]
    read = [s.arguments[-2:] for s in steps if called(s) is reduce_examples]
    assert [i for start, stop in read for i in range(start, stop)] == list(range(EXAMPLES))
    widths = [len(s.arguments[2]) for s in steps if called(s) is merge_moments]
    assert all(2 <= width <= graph.MERGE_WIDTH for width in widths)


def test_ranges_are_whole_shards(store, cut):
    cut(4, shards=2)
    spec = make_pair(store).spec
    assert spec.x.examples_per_shard == 4
    assert spec.example_ranges == [(0, 8), (8, 16), (16, 24), (24, 32), (32, 37)]


def test_a_second_call_makes_nothing_and_reads_no_activations(store, cut, monkeypatch):
    cut(5)
    pair = make_pair(store)
    run(pair)
    before = files(pair.store)

    def never(*arguments, **options):
        raise AssertionError("computed again")

    monkeypatch.setattr(comparison, "match_profile", never)
    monkeypatch.setattr(Moments, "update", never)
    monkeypatch.setattr(Moments, "__add__", never)
    assert run(pair) == pair.spec.key
    assert files(pair.store) == before


def test_after_a_stop_only_what_is_missing_is_made(store, cut):
    cut(5)
    pair = make_pair(store)
    steps = comparison_steps(store.location, pair.spec)
    run_steps(steps[:4])
    for path in store.sizes(pair.spec.x.artifact(store).folder):
        if any(f"/c/{shard}/" in path for shard in range(4)):
            store.delete(path)  # a range that is reduced again would be found out
    assert run(pair) == pair.spec.key


def test_stopped_after_any_step_it_ends_with_the_same_rows(store, cut, tmp_path, monkeypatch):
    cut(8)
    monkeypatch.setattr(graph, "MERGE_WIDTH", 3)
    pair = make_pair(store)
    shutil.copytree(store.root, tmp_path / "begun")
    run(pair)
    rows = stored_rows(store, pair.spec.key)
    for number in range(1, len(comparison_steps(store.location, pair.spec))):
        again = Store(str(tmp_path / str(number)))
        shutil.copytree(tmp_path / "begun", again.root)
        steps = comparison_steps(again.location, pair.spec)
        run_steps(steps[:number])
        run_steps(steps)
        assert stored_rows(again, pair.spec.key) == rows


def test_sums_over_parts_of_the_examples_are_not_kept(store, cut):
    cut(1)
    pair = make_pair(store)
    run(pair)
    kept = {path.split("/")[1] for path in store.sizes("moments")}
    assert kept == {pair.spec.moments_key}


def test_two_layers_of_other_examples_are_never_compared(store):
    pair = make_pair(store, (ids(), ids("train")))
    with pytest.raises(
        IntegrityError, match=r"same examples in the same order\. Got 37 in activat"
    ):
        run(pair)
    assert pair.store.sizes("moments") == {}


def test_the_same_examples_in_another_order_are_refused(store):
    pair = make_pair(store, (ids(), ids()[::-1]))
    with pytest.raises(
        IntegrityError, match=r"the lists differ\. Delete both folders and run agai"
    ):
        run(pair)


def test_damaged_activations_give_no_moments(store, cut):
    cut(5)
    pair = make_pair(store)
    shards = pair.store.sizes(pair.spec.y.artifact(pair.store).folder)
    pair.store.delete(next(path for path in shards if "/c/3/" in path))
    with pytest.raises(IntegrityError, match="a hole in examples 15 to 20"):
        run(pair)
    assert not pair.spec.artifact(pair.store).exists()


def test_a_worker_that_lost_a_race_uses_what_was_published_first(store):
    pair = make_pair(store)
    location, spec = pair.store.location, pair.spec
    key = spec.moments_key
    arguments = (location, key, spec.x.key, spec.y.key, 0, EXAMPLES)
    assert reduce_examples(*arguments) == reduce_examples(*arguments) == key
    assert len(pair.store.sizes(f"moments/{key}")) == 2


def test_the_estimate_of_memory_is_above_what_the_largest_task_holds(store):
    spec = make_pair(store).spec
    moments = 8 * (2 * NEURONS) ** 2
    assert spec.memory >= 2 * spec.x.bytes + 2 * moments
    assert spec.x.bytes == EXAMPLES * EXAMPLE_BYTES
