"""Procrustes distances against a rotation that is carried out; Bures against kernels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.measures import bures, procrustes
from repsim.moments import Moments
from tests import references_measures as literal
from tests.repsim.matching.instances import relu_pair

SEEDS = st.integers(0, 10**6)
WIDTHS = st.integers(1, 8)


def pair(seed, p=5, q=7, samples=60):
    found = relu_pair(seed, samples, p, q, shared=6, noise=1.0)
    return found.x, found.y


@given(seed=SEEDS, p=WIDTHS, q=WIDTHS, centred=st.booleans())
@settings(deadline=None, max_examples=40)
def test_every_form_is_the_distance_after_the_best_rotation(seed, p, q, centred):
    arrays = pair(seed, p, q)
    x, y = (literal.centre(z) if centred else z for z in arrays)
    moments = Moments.from_arrays(*arrays)
    at_size = literal.rotated_distance(x, y)
    at_norm_one = literal.rotated_distance(literal.normalised(x), literal.normalised(y))
    similarity = 1 - at_norm_one**2 / 2
    expected = {
        "angular": np.arccos(similarity),
        "similarity": similarity,
        "one minus similarity": 1 - similarity,
        "squared distance": at_norm_one**2,
        "distance": at_norm_one,
        "size and shape": at_size,
        "squared size and shape": at_size**2,
    }
    for form, wanted in expected.items():
        got = procrustes(moments, form=form, centred=centred)
        assert got == pytest.approx(wanted, rel=1e-6, abs=1e-6 * (1 + at_size))


@given(seed=SEEDS, p=WIDTHS, q=WIDTHS)
@settings(deadline=None, max_examples=40)
def test_netrep_is_reproduced(seed, p, q):
    x, y = pair(seed, p, q)
    expected = literal.netrep_linear(x, y, alpha=1.0)
    assert procrustes(x, y) == pytest.approx(expected, rel=1e-7, abs=1e-7)


def test_angles_are_a_metric():
    generator = np.random.default_rng(0)
    for _ in range(50):
        x, y, z = (generator.normal(size=(20, p)) for p in (2, 3, 4))
        for form in ("angular", "distance", "size and shape"):
            there, detour = (
                procrustes(x, z, form=form),
                procrustes(x, y, form=form) + procrustes(y, z, form=form),
            )
            assert there <= detour + 1e-12


def test_unrelated_layers_get_the_documented_floor():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(4000, 40)), generator.normal(size=(4000, 400))
    assert procrustes(x, y, form="similarity") == pytest.approx(np.sqrt(40 / 4000), rel=0.05)


@given(seed=SEEDS, p=WIDTHS, q=WIDTHS, centred=st.booleans())
@settings(deadline=None, max_examples=40)
def test_bures_is_the_fidelity_of_the_kernels(seed, p, q, centred):
    arrays = pair(seed, p, q, samples=20)
    x, y = (literal.centre(z) if centred else z for z in arrays)
    kernel_x, kernel_y = x @ x.T, y @ y.T
    expected = literal.fidelity(kernel_x, kernel_y) / np.sqrt(
        np.trace(kernel_x) * np.trace(kernel_y)
    )
    assert bures(*arrays, centred=centred) == pytest.approx(expected, rel=1e-6)


@given(seed=SEEDS, centred=st.booleans())
@settings(deadline=None, max_examples=40)
def test_bures_is_the_cosine_of_the_angular_distance(seed, centred):
    """Harvey et al. 2024: the two names are of one number."""
    x, y = pair(seed)
    cosine = np.cos(procrustes(x, y, centred=centred))
    assert bures(x, y, centred=centred) == pytest.approx(cosine, rel=1e-12)
    similarity = procrustes(x, y, form="similarity", centred=centred)
    assert bures(x, y, centred=centred) == pytest.approx(similarity, rel=1e-15)
