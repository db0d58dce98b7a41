"""How often intervals hold what they are for, measure by measure, on populations of known truth.

``uv run python -m tests.benchmarks.coverage`` (about ten minutes on one core). The truth of a
population is the measure of many more examples; for measures that are another quantity for fewer
examples (``halves = False``) it is the mean of the measure over the samples.
"""

import argparse
from collections.abc import Callable

import numpy as np

from repsim.estimates import estimate
from repsim.examples import example_pair
from repsim.matching import match_profile
from repsim.measures import MEASURES, Measure, load_measure
from repsim.moments import Moments

Pair = tuple[np.ndarray, np.ndarray]
Population = Callable[[int, int], Pair]

EXAMPLES = {"moments": 640, "examples": 320}
MANY = {"moments": 200_000, "examples": 4_000}
MATCHES = 3  # ε at which the similarity rises, for each population


def gaussian(count: int, seed: int) -> Pair:
    """Neurons that correlate one by one, some strongly and some not."""
    rng = np.random.default_rng(seed)
    rho = np.linspace(0.1, 0.95, 8)
    x = rng.normal(size=(count, 8))
    return x, rho * x + np.sqrt(1 - rho**2) * rng.normal(size=(count, 8))


def rectified(count: int, seed: int) -> Pair:
    """Two layers of different width after a ReLU, of shared inputs and noise of their own."""
    rng = np.random.default_rng(seed)
    fixed = np.random.default_rng(1)
    mix_x, mix_y = fixed.normal(size=(6, 10)), fixed.normal(size=(6, 7))
    shared = rng.normal(size=(count, 6))
    noise = rng.normal(size=(count, 10)), rng.normal(size=(count, 7))
    return (
        np.maximum(shared @ mix_x + noise[0], 0),
        np.maximum(shared @ mix_y + 1.5 * noise[1], 0),
    )


def classes(count: int, seed: int) -> Pair:
    """Ten classes, whose centres both layers share in part."""
    rng = np.random.default_rng(seed)
    fixed = np.random.default_rng(2)
    centres = fixed.normal(size=(10, 8)), fixed.normal(size=(10, 8))
    labels = rng.integers(10, size=count)
    x = centres[0][labels] + 0.5 * rng.normal(size=(count, 8))
    y = 0.5 * centres[0][labels] + centres[1][labels] + 0.5 * rng.normal(size=(count, 8))
    return x, y


def wide(count: int, seed: int) -> Pair:
    """Forty neurons with a spectrum that falls, a quarter of whose directions are shared."""
    rng = np.random.default_rng(seed)
    scale = 1 / np.sqrt(np.arange(1, 41))
    x, y = rng.normal(size=(2, count, 40))
    y[:, :10] = 0.8 * x[:, :10] + 0.6 * y[:, :10]
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(40, 40)))[0]
    return x * scale, (y * scale) @ turn


POPULATIONS: tuple[Population, ...] = (gaussian, rectified, classes, wide)


def held(
    measure: Measure, population: Population, truth: float | None, trials: int
) -> tuple[float, float]:
    """Share of the intervals of 90 % that hold the truth, and their mean width."""
    count = EXAMPLES[measure.statistic]
    intervals, values = [], []
    for trial in range(trials):
        x, y = population(count, 1000 + trial)
        found = estimate(measure, x, y, permutations=0, seed=trial)
        values.append(found.value)
        if found.interval is not None:
            intervals.append((found.interval.low, found.interval.high))
    if truth is None:
        truth = float(np.mean(values))
    low, high = np.array(intervals).T
    return float(np.mean((low <= truth) & (truth <= high))), float(np.mean(high - low))


def truth_of(measure: Measure, population: Population) -> float | None:
    """The measure of many examples; None where it would be another quantity."""
    if not getattr(measure, "halves", True):
        return None
    x, y = population(MANY[measure.statistic], 0)
    if measure.statistic == "moments":
        return measure.value(Moments.from_arrays(x, y))
    return measure.value(example_pair(x, y))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("measures", nargs="*", default=MEASURES.names)
    arguments = parser.parse_args()
    print(f"Share of {arguments.trials} intervals of 90 % that hold the truth (mean width).\n")
    print(f"{'measure':<18}" + "".join(f"{p.__name__:>20}" for p in POPULATIONS), flush=True)
    for name in arguments.measures:
        cells = []
        for population in POPULATIONS:
            options = {"batch": 80} if name == "minibatch_cka" else {}
            if name == "maximum_match":
                profile = match_profile(*population(MANY["moments"], 0))
                critical = np.concatenate((profile.critical_x, profile.critical_y))
                results = []
                for epsilon in np.nanquantile(critical, np.linspace(0.2, 0.8, MATCHES)):
                    match = load_measure(name, {"epsilon": min(float(epsilon), 0.999)})
                    truth = float(profile.similarity(match.epsilon))
                    results.append(held(match, population, truth, arguments.trials))
                share, width = np.mean(results, axis=0)
            else:
                measure = load_measure(name, options)
                share, width = held(
                    measure, population, truth_of(measure, population), arguments.trials
                )
            cells.append(f"{share:.2f} ({width:.3f})")
        print(f"{name:<18}" + "".join(f"{cell:>20}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
