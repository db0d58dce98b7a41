"""The null of permuted examples: where theory says it is, and p-values as rare as they say."""

import numpy as np
import pytest

from repsim.matching import match_profile
from repsim.measures import cka
from repsim.moments import Moments, Resamples, UnitOrder, Units
from repsim.uncertainty import p_value


@pytest.mark.parametrize("centred", [False, True])
def test_a_match_of_unrelated_relu_layers_sits_at_its_floor(centred: bool) -> None:
    # Distance of a neuron to the span of n others over D samples, all of them ReLU(N(0, 1)): the
    # share of its squared length that is not along the common mean, less n / D that any n span.
    n, d = 64, 2000
    floor = np.sqrt(1 - n / d) if centred else np.sqrt((1 - 1 / np.pi) * (1 - n / d))
    rng = np.random.default_rng(0)
    x, y = (np.maximum(rng.normal(size=(d, n)), 0) for _ in range(2))
    y[:, : n // 2] = x[:, n // 2 :]
    order = UnitOrder.drawn(Units.of_length(d, 1), groups=1, seed=0)
    resamples = Resamples.from_arrays(x, y, order, permutations=3)
    # Half of each layer is in the other, ...
    assert match_profile(resamples.total, centred=centred).similarity(0.01) == 0.5
    for number in range(3):
        null = resamples.null(number)
        # ... and with examples permuted nothing is: the distances are at the floor, and most
        # neurons leave when the farthest does.
        distances = distances_to_other_layer(null.centred() if centred else null)
        assert distances.mean() == pytest.approx(floor, rel=0.01)
        profile = match_profile(null, centred=centred)
        critical = np.concatenate((profile.critical_x, profile.critical_y))
        assert floor < critical.min()
        assert np.median(critical) <= distances.max() + 1e-9
        assert profile.similarity(floor) == 0


def distances_to_other_layer(moments: Moments) -> np.ndarray:
    """Of each neuron to the span of the other layer, relative to its length."""
    return np.concatenate(
        [
            np.sqrt(1 - np.sum(cross * np.linalg.solve(other, cross), axis=0) / own.diagonal())
            for own, cross, other in (
                (moments.xx, moments.xy.T, moments.yy),
                (moments.yy, moments.xy, moments.xx),
            )
        ]
    )


def test_p_values_of_unrelated_layers_are_no_smaller_than_by_chance() -> None:
    # Positions of an example are alike: permuted one by one, they would not be examples.
    rng = np.random.default_rng(0)
    runs, examples, positions = 400, 30, 4
    found = []
    for seed in range(runs):
        x, y = (
            np.repeat(rng.normal(size=(examples, 3)), positions, axis=0)
            + 0.5 * rng.normal(size=(examples * positions, 3))
            for _ in range(2)
        )
        units = Units.of_length(examples * positions, positions)
        order = UnitOrder.drawn(units, groups=1, seed=seed)
        resamples = Resamples.from_arrays(x, y, order, permutations=9)
        null = [cka(resamples.null(number)) for number in range(9)]
        found.append(p_value(cka(resamples.total), null))
    for level in (0.1, 0.2, 0.5):
        noise = 3 * np.sqrt(level * (1 - level) / runs)
        assert abs(np.mean(np.array(found) <= level + 1e-12) - level) <= noise
