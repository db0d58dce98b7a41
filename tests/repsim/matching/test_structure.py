"""Bounds on strong independence and stability: they hold, they are tight where that is known."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.linalg import subspace_angles

from repsim.errors import InputError
from repsim.matching import match_structure, simple_matches
from tests.repsim.matching.instances import Pair, graded_pair, linear_pair, pairs


def smallest_angle(layer: np.ndarray) -> float:
    """Smallest angle between the spans of any two disjoint sets of columns, by trying all."""
    width, angles = layer.shape[1], [np.pi / 2]
    for labels in itertools.product((0, 1, 2), repeat=width):
        one, two = layer[:, np.equal(labels, 1)], layer[:, np.equal(labels, 2)]
        if one.size and two.size:
            angles.append(subspace_angles(one, two).min())
    return float(min(angles))


@given(pair=pairs(max_width=4, max_samples=20))
@settings(deadline=None, max_examples=30)
def test_the_angle_is_between_its_bounds(pair: Pair) -> None:
    structure = match_structure(pair.x, pair.y, 0.3)
    for layer, bounds in ((pair.x, structure.x), (pair.y, structure.y)):
        alive = layer[:, np.linalg.norm(layer, axis=0) > 0]
        if alive.shape[1]:
            angle = smallest_angle(alive / np.linalg.norm(alive, axis=0))
            assert bounds.theta_least <= angle + 1e-6
            assert angle <= bounds.theta_most + 1e-6
            assert bounds.theta_least <= bounds.theta_most + 1e-6


@pytest.mark.parametrize("via", ["moments", "factor"])
def test_two_neurons_have_the_angle_between_them(via: str) -> None:
    x = np.array([[1.0, np.cos(0.3)], [0.0, np.sin(0.3)], [0.0, 0.0]])
    structure = match_structure(x, np.eye(3)[:, 2:], 0.1, via=via)
    assert structure.x.theta_least == pytest.approx(0.3)
    assert structure.x.theta_most == pytest.approx(0.3)


def test_conditions_that_are_not_refuted_come_with_unique_matches() -> None:
    features = np.linalg.qr(np.random.default_rng(0).standard_normal((50, 8)))[0]
    near = features[:, :5] + 0.01 * features[:, 3:]
    structure = match_structure(features[:, :5], near, 0.05)
    assert not structure.excluded
    assert "are not refuted" in str(structure)
    assert simple_matches(features[:, :5], near, 0.05).complete


def test_a_distance_in_the_gap_refutes_the_conditions() -> None:
    pair = graded_pair(0, 400, 20)
    structure = match_structure(pair.x, pair.y, 0.3)
    assert structure.excluded
    assert 1 < structure.gap_most < structure.gap_needed
    assert "do not hold: they ask that no distance lies between" in str(structure)


def test_dependent_neurons_refute_the_conditions() -> None:
    pair = linear_pair(0, 200, 6, 5, shared=4, noise=0.0)
    structure = match_structure(pair.x, pair.y, 0.0)
    assert (structure.x.neurons, structure.x.rank) == (6, 4)
    assert structure.x.theta_most == 0.0
    assert structure.gap_needed == np.inf
    assert "linear combinations of its others" in str(structure)


def test_an_epsilon_is_required() -> None:
    with pytest.raises(InputError, match="Got none: pass eps"):
        match_structure(np.eye(2), np.eye(2))
