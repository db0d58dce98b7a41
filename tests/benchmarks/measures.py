"""All measures of a pair beside the pass over its activations: what they add to it.

Alone: ``uv run python -m tests.benchmarks.measures`` (two minutes).
"""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from repsim.measures import MEASURES, Measure, load_measure, measure_class
from repsim.moments import Moments
from tests.benchmarks.timing import timed
from tests.repsim.matching.instances import graded_pair

# Each measure that is a function of the moments, with its default options; the maximum match is
# measured as a profile.
ONE_OF_EACH = tuple(
    load_measure(name, {})
    for name in MEASURES.names
    if measure_class(name).statistic == "moments" and name != "maximum_match"
)
# What a study may list beside them: another rule, side or estimate of the same.
FURTHER = tuple(
    load_measure(name, options)
    for name, options in (
        ("cca", {"power": 2}),
        ("cka", {"debiased": True}),
        ("linear_regression", {"direction": "y->x"}),
        ("pwcca", {"weights": "both"}),
        ("svcca", {"of": "variances"}),
    )
)


@dataclass(frozen=True, kw_only=True)
class MeasureCost:
    """Seconds of one core for the moments of a pair, and for measures of them."""

    width: int
    samples: int
    moments: float
    one_of_each: float
    all_conventions: float

    @property
    def added(self) -> float:
        """What one of each adds to the pass, as a share of it."""
        return self.one_of_each / self.moments

    def __str__(self) -> str:
        task = f"{self.width} + {self.width} neurons, {self.samples} samples"
        everything = self.all_conventions / self.moments
        return (
            f"{task:<44}{self.moments:>8.2f} s{self.one_of_each:>9.3f} s{self.added:>6.0%}"
            f"{self.all_conventions:>9.3f} s{everything:>6.0%}"
        )


HEAD = (
    f"{'measures':<44}{'moments':>10}{f'{len(ONE_OF_EACH)} measures':>17}"
    f"{f'{len(ONE_OF_EACH + FURTHER)} conventions':>17}"
)


def measure_costs(
    widths: tuple[int, ...] = (256, 512, 1024), samples_per_neuron: int = 50
) -> list[MeasureCost]:
    """Costs for a pair of ReLU layers in float32; the best of three runs of each.

    A tenth of the samples is read and the time multiplied: it is linear in them.
    """
    costs = []
    # Throughout, not around what is timed alone: an idle thread of BLAS spins for a while, and its
    # processor time would count.
    with threadpool_limits(1):
        for width in widths:
            samples = 2 * samples_per_neuron * width
            pair = graded_pair(0, samples // 10, width)
            x, y = pair.x.astype(np.float32), pair.y.astype(np.float32)
            costs.append(
                MeasureCost(
                    width=width,
                    samples=samples,
                    moments=10
                    * min(timed(lambda x=x, y=y: Moments.from_arrays(x, y))[1] for _ in range(3)),
                    one_of_each=min(_seconds(ONE_OF_EACH, x, y) for _ in range(3)),
                    all_conventions=min(_seconds(ONE_OF_EACH + FURTHER, x, y) for _ in range(3)),
                )
            )
    return costs


def _seconds(measures: tuple[Measure, ...], x: np.ndarray, y: np.ndarray) -> float:
    """Cost of measures of moments that nobody has seen."""
    moments = Moments.from_arrays(x, y)
    values, seconds = timed(lambda: [measure.value(moments) for measure in measures])
    assert np.isfinite(values).all()
    return seconds


if __name__ == "__main__":
    print(HEAD)
    for cost in measure_costs():
        print(cost)
