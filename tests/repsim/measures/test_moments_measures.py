"""What every measure of the moments promises, read from its properties, both ways."""

import itertools
from functools import partial
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import repsim.measures
from repsim.errors import InputError
from repsim.measures import load_measure, measure_class
from repsim.measures.contract import Invariance
from repsim.measures.procrustes import Form
from repsim.moments import Moments
from tests.repsim.measures.changes import changed

VARIANTS = {
    "bures": [{}, {"centred": False}],
    "cca": [
        {},
        {"power": 2},
        {"centred": False},
        {"compat": "google/svcca"},
        {"compat": "kornblith"},
        {"compat": "netrep"},
    ],
    "cka": [{}, {"debiased": True}, {"compat": "anatome"}, {"compat": "netrep"}],
    "cosine": [{}, {"centred": True}],
    "euclidean": [{}, {"centred": True}],
    "linear_regression": [{}, {"direction": "y->x"}, {"centred": False}],
    "maximum_match": [{"epsilon": 0.82}, {"epsilon": 0.82, "centred": True}],
    "procrustes": [*({"form": form} for form in get_args(Form)), {"centred": False}],
    "pwcca": [{}, {"weights": "y"}, {"weights": "both"}, {"compat": "google/svcca"}],
    "subspace_overlap": [{}, {"of": "singular values"}, {"directions": 3}, {"centred": False}],
    "svcca": [
        {},
        {"of": "variances"},
        {"variance": 0.8},
        {"directions": 3},
        {"centred": False, "variance": 0.9},
        {"compat": "anatome", "variance": 0.9},
    ],
}
MEASURES = [load_measure(name, options) for name in VARIANTS for options in VARIANTS[name]]
# Sums over samples: they grow with their number.
GROWING = {"procrustes[size and shape,centred]", "procrustes[squared size and shape,centred]"}
GOOGLE = "pwcca[compat=google/svcca,weights=x,centred]"


@pytest.fixture(params=MEASURES, ids=lambda measure: measure.convention)
def measure(request):
    return request.param


def layers(samples=200, p=5, q=7, seed=0):
    """Two related layers with means, and neurons of different lengths."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(samples, p)) * generator.uniform(0.5, 3, size=p)
    y = x @ generator.normal(size=(p, q)) + 3 * generator.normal(size=(samples, q))
    return x + generator.normal(size=p), y + generator.normal(size=q)


def value(measure, x, y):
    return measure.value(Moments.from_arrays(x, y))


def with_options(name):
    return partial(getattr(repsim.measures, name), **VARIANTS[name][0])


def test_all_measures_of_moments_are_tried():
    names = repsim.measures.MEASURES.names
    of_moments = {name for name in names if measure_class(name).statistic == "moments"}
    assert of_moments == set(VARIANTS)


def test_no_two_conventions_have_the_same_name():
    names = [measure.convention for measure in MEASURES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("change", get_args(Invariance))
@pytest.mark.parametrize("side", ["x", "y"])
def test_what_is_declared_and_nothing_else_leaves_the_value(measure, change, side):
    x, y = layers()
    before = value(measure, x, y)
    differences = []
    for seed in range(5):
        generator = np.random.default_rng(seed)
        moved = changed(change, x if side == "x" else y, generator)
        after = value(measure, moved, y) if side == "x" else value(measure, x, moved)
        differences.append(abs(after - before))
    if measure.properties.invariant_to(change, side):
        assert max(differences) < 1e-9 * max(1, before)
    else:
        assert max(differences) > 1e-4


def test_a_layer_is_best_like_itself(measure):
    x, _ = layers()
    one_short = "compat=anatome,variance" in measure.convention
    best = measure.properties.best
    assert value(measure, x, x) == pytest.approx(best, abs=1e-6 if not one_short else 1e-9)


def test_a_copy_with_its_rows_in_another_order_is_a_stranger(measure):
    x, y = layers()
    properties = measure.properties
    shuffled = x[np.random.default_rng(1).permutation(len(x))]
    stranger, related = value(measure, x, shuffled), value(measure, x, y)
    far = abs(properties.best - stranger)
    assert far > 0.5 * (min(properties.most, 1) - max(properties.least, 0))
    # Where neurons stand for themselves alone, a layer of other neurons is a stranger, too.
    if "size" not in measure.convention and properties.invariant_to("neuron permutation", "x"):
        assert far > abs(properties.best - related)


def test_bounds_and_symmetry(measure):
    properties = measure.properties
    symmetric = []
    for seed in range(20):
        x, y = layers(samples=30, q=5, seed=seed)
        there, back = value(measure, x, y), value(measure, y, x)
        assert properties.least - 1e-12 <= there <= properties.most + 1e-12
        symmetric.append(there == pytest.approx(back, rel=1e-9))
    assert all(symmetric) == properties.symmetric


def test_samples_in_another_order_or_twice_change_nothing(measure):
    x, y = layers()
    before = value(measure, x, y)
    order = np.random.default_rng(1).permutation(len(x))
    assert value(measure, x[order], y[order]) == pytest.approx(before, rel=1e-9)
    twice = value(measure, np.tile(x, (2, 1)), np.tile(y, (2, 1)))
    depends = measure.convention in GROWING or "debiased" in measure.convention
    assert (twice == pytest.approx(before, rel=1e-9)) == (not depends)


@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 200), max_size=6),
    order=st.randoms(use_true_random=False),
)
@settings(deadline=None, max_examples=20)
def test_streamed_in_any_chunks_merged_in_any_order_is_the_same(seed, cuts, order):
    x, y = layers(seed=seed)
    whole = Moments.from_arrays(x, y)
    edges = [0, *sorted(cuts), len(x)]
    parts = [Moments.from_arrays(x[a:b], y[a:b]) for a, b in itertools.pairwise(edges)]
    order.shuffle(parts)
    streamed = sum(parts, start=Moments.zeros(x.shape[1], y.shape[1]))
    for measure in MEASURES:
        # Where a sign of a singular vector hangs on rounding, so does that value.
        if measure.convention != GOOGLE:
            assert measure.value(streamed) == pytest.approx(measure.value(whole), rel=1e-9)


@pytest.mark.parametrize("constant", [0.0, 3.7])
@pytest.mark.parametrize("side", ["x", "y", "both"])
def test_a_constant_layer_has_no_value(measure, constant, side):
    x, y = layers()
    x = np.full_like(x, constant) if side != "y" else x
    y = np.full_like(y, constant) if side != "x" else y
    found = value(measure, x, y)
    # Not centred, a constant other than 0 is a direction like any other.
    if not (measure.centred or constant == 0):
        assert not np.isnan(found)
    elif measure.convention.startswith("maximum_match"):
        assert found == 0  # dead neurons are in no match
    else:
        assert np.isnan(found)


def test_dead_neurons_count_for_nothing(measure):
    x, y = layers()
    # At the end, where each neuron is compared with the one of its place.
    placed = not measure.properties.invariant_to("neuron permutation", "x")
    with_dead_x = np.insert(x, [5, 5] if placed else [0, 3], 0.0, axis=1)
    with_dead_y = np.insert(y, [7, 7] if placed else [2, 7], 0.0, axis=1)
    before = value(measure, x, y)
    if measure.convention == GOOGLE:
        with pytest.raises(InputError, match="Expected independent neurons in X"):
            value(measure, with_dead_x, with_dead_y)
    elif "kornblith" in measure.convention:
        assert value(measure, with_dead_x, with_dead_y) == pytest.approx(before * 5 / 7, rel=1e-9)
    elif measure.convention.startswith("maximum_match"):
        assert value(measure, with_dead_x, with_dead_y) == pytest.approx(before * 12 / 16, rel=1e-9)
    else:
        assert value(measure, with_dead_x, with_dead_y) == pytest.approx(before, rel=1e-9)


@pytest.mark.parametrize("side", ["x", "y"])
def test_layers_with_as_many_neurons_as_samples_are_refused_where_they_are_all_alike(measure, side):
    """A measure answers where strangers differ from copies, and where they do not it says so."""
    generator = np.random.default_rng(0)
    wide, narrow = generator.normal(size=(20, 24)), generator.normal(size=(20, 3))
    x, y = (wide, narrow) if side == "x" else (narrow, wide)
    name = measure.convention.split("[")[0]
    refused = name in {"cca", "pwcca"} or (
        name == "linear_regression" and side == measure.convention.split("[")[1][0]
    )
    if refused:
        with pytest.raises(InputError, match=r"Expected fewer live neurons than samples for \w+\."):
            value(measure, x, y)
    else:
        best = measure.properties.best
        assert abs(value(measure, x, y) - best) > 0.02


@pytest.mark.parametrize("name", ["svcca", "subspace_overlap"])
def test_as_many_directions_as_samples_are_refused(name):
    wide = np.random.default_rng(0).normal(size=(20, 24))
    everything = load_measure(name, {"variance": 1.0})
    with pytest.raises(InputError, match="svcca with fewer directions"):
        value(everything, wide, wide[:, :3])
    assert value(load_measure(name, {"directions": 5}), wide, wide) == pytest.approx(1)


def test_a_centred_layer_has_one_sample_less():
    wide = np.random.default_rng(0).normal(size=(6, 5))
    with pytest.raises(InputError, match="Got 5 of X and 6 samples, one of which goes into the m"):
        value(load_measure("cca", {}), wide, wide)
    assert value(load_measure("cca", {"centred": False}), wide, wide) == pytest.approx(1)


def test_anything_but_two_arrays_or_moments_is_refused():
    x, y = layers()
    for name in VARIANTS:
        function = with_options(name)
        with pytest.raises(InputError, match="or the moments of a pair alone"):
            function(x)
        with pytest.raises(InputError, match="Got both"):
            function(Moments.from_arrays(x, y), y)
        assert function(Moments.from_arrays(x, y)) == function(x, y)


@pytest.mark.parametrize("name", VARIANTS)
def test_no_samples_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"at least one sample\. Got none"):
        with_options(name)(np.zeros((0, 3)), np.zeros((0, 2)))
