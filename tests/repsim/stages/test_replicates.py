"""The replicates of a study are those of the arrays: permuted, in classes, without a group, halved.

Also where neurons are far from zero, and where moments have too few digits.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from repsim import cka, estimate, match_profile, rsa
from repsim.moments import permutation, within_classes
from repsim.results import in_context
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.matches import stored_ranks, stored_rows
from repsim.stages.replicates import stored_criticals
from repsim.store import Store
from repsim.study import Component, Matching, Resampling
from tests.repsim.stages.pairs import EXAMPLES, NEURONS, POSITIONS, ids, labels, layer, make, write

CKA = Component(name="cka")
DEBIASED = Component.model_validate({"name": "cka", "debiased": True})
RSA = Component.model_validate({"name": "rsa", "distance": "correlation"})
PERMUTATIONS, GROUPS = 4, 6


def stored_pair(
    store: Store, *, offset: float = 0.0
) -> tuple[ComparisonSpec, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(EXAMPLES, POSITIONS, NEURONS))
    y = x[..., ::-1] + rng.normal(size=x.shape)
    x, y = ((values + offset).astype(np.float32) for values in (x, y))
    spec = ComparisonSpec(
        x=layer(0),
        y=layer(1),
        matching=Matching(epsilons=(0.8,), centred=True),
        measures=(CKA, DEBIASED, RSA),
        resampling=Resampling(permutations=PERMUTATIONS, groups=GROUPS),
        examples=EXAMPLES,
    )
    write(store, spec.x, x, ids())
    write(store, spec.y, y, ids())
    return spec, x.astype(np.float64), y.astype(np.float64)


def literal(value, x, y, permuted=None) -> dict[str, list[float]]:
    """All replicates of a function of examples × positions × neurons."""
    examples = np.arange(EXAMPLES)
    borders = [g * EXAMPLES // GROUPS for g in range(GROUPS + 1)]
    groups = [examples[a:b] for a, b in pairwise(borders)]
    classes = np.array(labels())
    numbers = range(PERMUTATIONS)
    # Of moments they depend on the block, which is all examples here.
    block = [0] if permuted is None else []
    halves = [np.concatenate(groups[: GROUPS // 2]), np.concatenate(groups[GROUPS // 2 :])]
    return {
        "null": [value(x, y[np.roll(examples, 1 + number)]) for number in numbers]
        if permuted is None
        else [value(x, y[permuted(number)]) for number in numbers],
        "within": [value(x, y[within_classes(classes, number, *block)]) for number in numbers],
        "without": [value(np.delete(x, g, axis=0), np.delete(y, g, axis=0)) for g in groups],
        "halves": [value(x[half], y[half]) for half in halves],
    }


def of_samples(measure, **options):
    def value(x: np.ndarray, y: np.ndarray) -> float:
        x, y = (layer.reshape(-1, NEURONS) for layer in (x, y))
        return measure(x - x.mean(axis=0), y - y.mean(axis=0), **options)

    return value


@pytest.mark.parametrize("offset", [0.0, 1e4, -3e5])
def test_are_those_of_the_arrays(tmp_path, offset):
    store = Store(str(tmp_path))
    spec, x, y = stored_pair(store, offset=offset)
    make(store, spec)
    rows = {row["measure"]: row for row in stored_rows(store, spec)}
    for convention, measure in (
        ("cka[linear,centred,biased]", of_samples(cka)),
        ("cka[linear,centred,debiased]", of_samples(cka, debiased=True)),
        ("maximum match similarity", of_samples(lambda x, y: match_profile(x, y).similarity(0.8))),
    ):
        row = rows[convention]
        assert row["value"] == pytest.approx(measure(x, y), rel=1e-9)
        for name, expected in literal(measure, x, y).items():
            np.testing.assert_allclose(row[name], expected, rtol=1e-7, atol=1e-9)


def test_of_examples_are_those_of_the_arrays(tmp_path):
    store = Store(str(tmp_path))
    spec, x, y = stored_pair(store, offset=1e4)
    make(store, spec)
    (row,) = [r for r in stored_rows(store, spec) if r["measure"].startswith("rsa")]

    def value(x: np.ndarray, y: np.ndarray) -> float:
        x, y = (layer.mean(axis=1) for layer in (x, y))
        about = (layer - layer.mean(axis=1, keepdims=True) for layer in (x, y))
        return rsa(*about, distance="correlation")

    assert row["value"] == pytest.approx(value(x, y), abs=1e-9)
    found = literal(value, x, y, permuted=lambda number: permutation(EXAMPLES, number))
    for name in ("null", "within"):
        np.testing.assert_allclose(row[name], found[name], atol=1e-9)
    # Groups of examples are cut in their own way there.
    assert len(row["without"]) == GROUPS


def test_a_study_and_the_library_mean_the_same_by_an_interval(tmp_path):
    """Groups and permutations are others, so they agree within a standard error."""
    store = Store(str(tmp_path))
    spec, x, y = stored_pair(store)
    make(store, spec)
    place = {"network_a": "a", "network_b": "b", "layer": "relu"}
    rows = in_context(({**place, **row} for row in stored_rows(store, spec)), level=0.9)
    (row,) = [row for row in rows if row["measure"] == "cka[linear,centred,biased]"]
    found = estimate("cka", x, y, groups=GROUPS, labels=np.array(labels())).interval
    assert found is not None
    assert row["value"] == pytest.approx(cka(x.reshape(-1, NEURONS), y.reshape(-1, NEURONS)))
    for name, ours in (
        ("corrected", found.corrected),
        ("interval_low", found.low),
        ("interval_high", found.high),
    ):
        assert row[name] == pytest.approx(ours, abs=1.5 * found.standard_error)
    assert row["corrected"] < row["value"]
    ranks = stored_ranks(store, spec)
    assert ranks is not None
    interval = ranks.interval(0.8)
    (match,) = [row for row in rows if row["measure"] == "maximum match similarity"]
    assert interval.low <= match["value"] <= interval.high


def test_layers_that_need_the_factor_have_replicates_of_the_factor(tmp_path):
    store = Store(str(tmp_path))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, EXAMPLES, POSITIONS, NEURONS))
    # Between 0.25 and 0.5, float32 numbers are 2^-25 apart: 7e-8 of the neuron, which is below what
    # its second moment shows.
    x[..., 0] = np.round(64 * rng.uniform(0.26, 0.49, size=x.shape[:2])) / 64
    y[..., 1] = rng.integers(-1, 2, size=x.shape[:2])
    x[..., -1] = x[..., 0] + 2.0**-25 * y[..., 1]
    y[..., 0] = x[..., 0]
    x, y = (values.astype(np.float32) for values in (x, y))
    spec = ComparisonSpec(
        x=layer(0),
        y=layer(1),
        matching=Matching(epsilons=(0.3,)),
        resampling=Resampling(permutations=PERMUTATIONS, groups=GROUPS),
    )
    write(store, spec.x, x, ids())
    write(store, spec.y, y, ids())
    make(store, spec)

    def critical(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        x, y = (layer.reshape(-1, NEURONS) for layer in (x, y))
        profile = match_profile(x, y, via="factor")
        return np.concatenate((profile.critical_x, profile.critical_y))

    found = spec.order.parted(list(stored_criticals(store, spec)))
    for name, expected in literal(critical, x, y).items():
        np.testing.assert_allclose(found[name], expected, atol=1e-6)
    of_moments = match_profile(*(a.reshape(-1, NEURONS) for a in (x, y)), via="moments")
    assert not np.allclose(of_moments.critical_x, critical(x, y)[:NEURONS], atol=1e-3)


@pytest.mark.parametrize(
    ("classes", "labelled", "expected"), [(3, True, 4), (3, False, 0), (20, True, 0)]
)
def test_classes_need_labels_and_enough_examples(classes, labelled, expected):
    one = layer(0)
    one = replace(one, labelled=labelled, network=replace(one.network, classes=classes))
    spec = ComparisonSpec(
        x=one, y=one, matching=Matching(), resampling=Resampling(permutations=4), examples=EXAMPLES
    )
    assert spec.within == spec.examples_order.within == expected


def test_a_bootstrap_has_draws_and_no_halves(tmp_path):
    store = Store(str(tmp_path))
    spec, _, _ = stored_pair(store)
    resampling = Resampling(
        permutations=0, groups=GROUPS, interval="bootstrap", bootstrap_samples=20
    )
    spec = replace(spec, resampling=resampling, measures=(CKA,))
    make(store, spec)
    rows = {row["measure"]: row for row in stored_rows(store, spec)}
    row = rows["cka[linear,centred,biased]"]
    assert (len(row["drawn"]), row["without"], row["halves"]) == (20, [], [])
    assert stored_ranks(store, spec) is not None
