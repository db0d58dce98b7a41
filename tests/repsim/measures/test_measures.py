"""What every measure promises, read from the folder, so that a new one is held to it too."""

import numpy as np
import pytest

from repsim.errors import StudyError
from repsim.measures import load_measure, measure_names
from repsim.moments import Moments


def pair(samples=60, p=5, q=7, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(samples, p)) + 1
    return x, x @ generator.normal(size=(p, q)) + generator.normal(size=(samples, q))


@pytest.fixture(params=measure_names())
def measure(request):
    return load_measure(request.param, {})


def test_cka_is_found_by_its_file():
    assert "cka" in measure_names()


def test_a_measure_says_what_exactly_it_is(measure):
    assert measure.convention
    assert isinstance(measure.centred, bool)


def test_a_measure_is_finite_and_does_not_depend_on_the_order_or_number_of_samples(measure):
    x, y = pair()
    value = measure.value(Moments.from_arrays(x, y))
    assert np.isfinite(value)
    order = np.random.default_rng(1).permutation(len(x))
    twice = Moments.from_arrays(np.tile(x[order], (2, 1)), np.tile(y[order], (2, 1)))
    assert measure.value(twice) == pytest.approx(value, rel=1e-9)


def test_a_measure_of_a_dead_layer_is_undefined_or_finite_and_never_raises(measure):
    x, y = pair()
    value = measure.value(Moments.from_arrays(np.zeros_like(x), y))
    assert np.isnan(value) or np.isfinite(value)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("ckaa", {}, "Expected a known measure. Got 'ckaa'. Did you mean 'cka'?"),
        ("cka", {"debiased": True}, "Expected a known option of measure 'cka'. Got 'debiased'."),
    ],
)
def test_a_measure_or_option_that_is_not_known_is_refused(name, options, said):
    with pytest.raises(StudyError) as caught:
        load_measure(name, options)
    assert said in str(caught.value)
