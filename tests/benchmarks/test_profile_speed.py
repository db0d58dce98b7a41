"""What the whole profile costs beside one literal maximum match."""

import pytest

from repsim.matching import match_profile
from repsim.moments import Moments
from tests.benchmarks.timing import timed
from tests.references import literal_maximum_match
from tests.repsim.matching.instances import graded_pair


@pytest.mark.parametrize("eps", [0.6, 0.65])
def test_every_epsilon_on_all_samples_costs_less_than_one_on_a_tenth(eps: float) -> None:
    # 256 + 256 neurons; the literal algorithm sees 10 000 of the 100 000 samples, as published.
    pair = graded_pair(0, 100_000, 256)
    few_x, few_y = pair.x[:10_000], pair.y[:10_000]
    assert 0.1 < match_profile(few_x, few_y).similarity(eps) < 0.9
    _, ours = timed(lambda: match_profile(Moments.from_arrays(pair.x, pair.y)))
    _, literal = timed(lambda: literal_maximum_match(few_x, few_y, eps))
    assert ours < literal
