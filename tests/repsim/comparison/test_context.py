"""Nulls and intervals of a comparison."""

import pickle

import numpy as np
import pytest
import torch
from torch import nn

import repsim

RANDOM = np.random.default_rng(1)
X = {"fc": RANDOM.normal(size=(80, 5)), "tokens": RANDOM.normal(size=(80, 3, 4))}
Y = {name: x[..., ::-1] + RANDOM.normal(size=x.shape) for name, x in X.items()}
OPTIONS = {"epsilons": [0.6], "progress": False}


@pytest.fixture(scope="module")
def found():
    return repsim.compare(X, Y, null=True, intervals=True, measures=["cka", "match"], **OPTIONS)


@pytest.mark.parametrize("layer", ["fc", "tokens"])
@pytest.mark.parametrize(
    ("measure", "prefix", "options"),
    [("cka", "cka", {}), ("maximum_match", "match", {"epsilon": 0.6})],
)
def test_they_are_those_of_estimate(found, layer, measure, prefix, options):
    expected = repsim.estimate(measure, X[layer], Y[layer], **options)
    rows = found.table().filter(layer_a=layer)
    row = rows.filter(rows["measure"].str.starts_with(prefix)).row(0, named=True)
    assert row["value"] == pytest.approx(expected.value)
    assert row["corrected"] == pytest.approx(expected.corrected)
    assert row["interval_low"] == pytest.approx(expected.interval.low)
    assert row["interval_high"] == pytest.approx(expected.interval.high)
    assert row["null_mean"] == pytest.approx(expected.null.mean)
    assert (row["p_value"], row["permutations"]) == (expected.p_value, 19)


def test_a_match_that_lacks_digits_has_them_too():
    x = {"fc": 1e7 + X["fc"]}
    y = {"fc": 1e7 + Y["fc"]}
    found = repsim.compare(x, y, null=3, intervals=True, measures=["match"], **OPTIONS)
    expected = repsim.estimate("maximum_match", x["fc"], y["fc"], epsilon=0.6, permutations=3)
    row = found.table().row(0, named=True)
    assert row["value"] == pytest.approx(expected.value)
    assert row["interval_high"] == pytest.approx(expected.interval.high)


def test_values_alone_have_no_such_columns(found):
    plain = repsim.compare(X, Y, measures=["cka", "match"], **OPTIONS).table()
    assert "p_value" not in plain.columns
    assert plain["value"].to_list() == pytest.approx(found.table()["value"].to_list())


def test_either_alone(found):
    null = repsim.compare(X, Y, null=5, measures=["cka"], **OPTIONS).table()
    assert null["interval_low"].is_null().all()
    assert null["permutations"].to_list() == [5, 5]
    interval = repsim.compare(X, Y, intervals=True, measures=["cka"], **OPTIONS).table()
    assert interval["p_value"].is_null().all()
    both = found.table().filter(centred=True)
    assert interval["interval_low"].to_list() == pytest.approx(both["interval_low"].to_list())


def test_examples_that_follow_one_another_are_a_caution():
    walk = {"fc": np.cumsum(X["fc"], axis=0)}
    found = repsim.compare(walk, walk, null=3, measures=["cka"], **OPTIONS)
    assert "Neighbouring examples are alike" in found.table()["caution"][0]


def test_of_models_by_their_activations():
    torch.manual_seed(0)
    a, b = (nn.Sequential(nn.Linear(4, 5), nn.ReLU()) for _ in range(2))
    data = torch.randn(60, 4)
    found = repsim.compare(a, b, data, null=True, measures=["cka"], **OPTIONS)
    plain = repsim.compare(a, b, data, measures=["cka"], **OPTIONS)
    assert found.matrix() == pytest.approx(plain.matrix(), nan_ok=True)
    assert found.table()["p_value"].to_list() == [0.05, 0.05]


def test_pairs_can_be_sent_to_other_processes(tmp_path, found):
    for name, arrays in (("a", X), ("b", Y)):
        np.savez(tmp_path / f"{name}.npz", **arrays)

    def sent(task, pairs):
        copies = pickle.loads(pickle.dumps((task, pairs)))
        return map(pickle.loads, [pickle.dumps(copies[0](pair)) for pair in copies[1]])

    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    asked = {"null": True, "intervals": True, "measures": ["cka", "match"]}
    there = repsim.compare(paths, map=sent, **asked, **OPTIONS)
    assert there.table()["p_value"].to_list() == found.table()["p_value"].to_list()
    assert set(there.profiles) == {(("a", n), ("b", n)) for n in X}


def test_a_failure_beside_them():
    broken = {**Y, "fc": Y["fc"] * np.inf}
    with np.errstate(invalid="ignore"):
        found = repsim.compare(X, broken, null=3, measures=["cka"], **OPTIONS)
    assert found.table()["p_value"].to_list()[0] is None
    assert len(found.failures) == 1
