"""Intervals hold what they are for as often as they say, on Gaussian layers of known similarity."""

import numpy as np
import pytest

from repsim.uncertainty import bootstrap_interval, jackknife_interval

GROUPS = 16
REPETITIONS = 1500
# More than three standard deviations of a share of 1500 on each side of 90 %.
CLOSE_TO_90 = (0.86, 0.94)

HALVES = np.repeat(np.eye(2), GROUPS // 2, axis=1)
WITHOUT = 1 - np.eye(GROUPS)


def linear_cka(xx: np.ndarray, xy: np.ndarray, yy: np.ndarray) -> np.ndarray:
    squares = [np.sum(moment**2, axis=(-2, -1)) for moment in (xx, xy, yy)]
    return squares[1] / np.sqrt(squares[0] * squares[2])


def r_squared(xx: np.ndarray, xy: np.ndarray, yy: np.ndarray) -> np.ndarray:
    explained = np.sum(xy * np.linalg.solve(xx, xy), axis=(-2, -1))
    return explained / np.trace(yy, axis1=-2, axis2=-1)


class Simulation:
    """Pairs of Gaussian layers, `REPETITIONS` times, as sums over groups of samples.

    Neuron i of Y correlates by rho with neuron i of X and with nothing else: the moments over all
    samples there could be are known.
    """

    def __init__(self, measure, samples: int, neurons: int, rho: float) -> None:
        rng, p = np.random.default_rng(0), neurons
        self.measure, self.neurons = measure, neurons
        scale = np.linspace(0.5, 1.5, p)
        self.similarity = float(measure(np.diag(scale**2), rho * np.diag(scale), np.eye(p))[()])
        self.per_group = samples // GROUPS
        sums, squares = [], []
        for _ in range(GROUPS):
            z = rng.normal(size=(REPETITIONS, self.per_group, 2 * p))
            z[..., p:] = rho * z[..., :p] + np.sqrt(1 - rho**2) * z[..., p:]
            z[..., :p] *= scale
            sums.append(z.sum(axis=1))
            squares.append(z.transpose(0, 2, 1) @ z)
        self.sums, self.squares = np.stack(sums), np.stack(squares)

    def values(self, weights: np.ndarray) -> np.ndarray:
        """The measure of each repetition, with its groups so often."""
        total = np.tensordot(weights, self.squares, axes=1)
        sums = np.tensordot(weights, self.sums, axes=1)
        count = weights.sum() * self.per_group
        centred = total - sums[:, :, None] * sums[:, None, :] / count
        p = self.neurons
        return self.measure(centred[:, :p, :p], centred[:, :p, p:], centred[:, p:, p:])


def coverage(intervals, truth: float) -> float:
    return float(np.mean([interval.low <= truth <= interval.high for interval in intervals]))


@pytest.mark.parametrize("measure", [linear_cka, r_squared])
@pytest.mark.parametrize(
    ("samples", "neurons", "rho"), [(1600, 4, 0.7), (800, 10, 0.3), (800, 10, 0.95)]
)
def test_jackknife_with_halves_holds_the_similarity(measure, samples, neurons, rho) -> None:
    simulation = Simulation(measure, samples, neurons, rho)
    value = simulation.values(np.ones(GROUPS))
    without = np.stack([simulation.values(weights) for weights in WITHOUT], axis=1)
    halves = np.stack([simulation.values(weights) for weights in HALVES], axis=1)
    both = zip(value, without, halves, strict=True)
    intervals = [jackknife_interval(v, w, halves=(h[0], h[1])) for v, w, h in both]
    least, most = CLOSE_TO_90
    assert least < coverage(intervals, simulation.similarity) < most


def test_jackknife_about_the_value_holds_what_so_many_samples_show() -> None:
    simulation = Simulation(r_squared, 800, 10, 0.3)
    value = simulation.values(np.ones(GROUPS))
    without = np.stack([simulation.values(weights) for weights in WITHOUT], axis=1)
    intervals = [jackknife_interval(v, w) for v, w in zip(value, without, strict=True)]
    least, most = CLOSE_TO_90
    assert least < coverage(intervals, float(value.mean())) < most
    # Which is not the similarity of the layers: too few samples make it too large.
    assert coverage(intervals, simulation.similarity) < 0.6
    bias = np.mean([interval.bias for interval in intervals])
    assert bias == pytest.approx(value.mean() - simulation.similarity, rel=0.05)


@pytest.mark.parametrize("measure", [linear_cka, r_squared])
def test_bootstrap_holds_the_similarity(measure) -> None:
    simulation = Simulation(measure, 1600, 4, 0.7)
    rng = np.random.default_rng(1)
    draws = [np.bincount(rng.integers(GROUPS, size=GROUPS), minlength=GROUPS) for _ in range(200)]
    value = simulation.values(np.ones(GROUPS))
    samples = np.stack([simulation.values(weights.astype(float)) for weights in draws], axis=1)
    intervals = [
        bootstrap_interval(v, drawn, groups=GROUPS) for v, drawn in zip(value, samples, strict=True)
    ]
    least, most = CLOSE_TO_90
    assert least < coverage(intervals, simulation.similarity) < most


def test_standard_error_is_the_spread_of_the_value() -> None:
    simulation = Simulation(linear_cka, 800, 10, 0.7)
    value = simulation.values(np.ones(GROUPS))
    without = np.stack([simulation.values(weights) for weights in WITHOUT], axis=1)
    errors = [jackknife_interval(v, w).standard_error for v, w in zip(value, without, strict=True)]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(value.std(), rel=0.1)
