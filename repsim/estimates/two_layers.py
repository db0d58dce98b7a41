"""A measure of two layers, with its interval and with what chance would give."""

import math
from collections.abc import Iterable
from typing import Literal

import numpy as np

from repsim.errors import InputError, unknown_name
from repsim.estimates.estimate import Estimate
from repsim.estimates.example_resamples import ExampleResamples
from repsim.estimates.maximum_match import MaximumMatch
from repsim.examples import Features
from repsim.measures import Measure, load_measure, measure_names
from repsim.moments import ArrayLike, Resamples
from repsim.moments.samples import matrix
from repsim.options import validated_options
from repsim.uncertainty import (
    Interval,
    bootstrap_interval,
    chance_corrected,
    jackknife_interval,
    null_band,
    p_value,
)

__all__ = ["estimate"]

Method = Literal["jackknife", "bootstrap"]

# Enough for a quantile of 5 % that is not the outermost value; twice as many change little.
BOOTSTRAP_SAMPLES = 200


def estimate(
    measure: str | Measure,
    x: ArrayLike,
    y: ArrayLike,
    *,
    positions: int = 1,
    groups: int = 16,
    permutations: int = 19,
    level: float = 0.9,
    method: Method = "jackknife",
    examples: int | None = 1024,
    seed: int = 0,
    **options: object,
) -> Estimate:
    """A measure of two layers with its interval, and with what chance would give.

    One pass over the activations, and then the measure as often as there are groups and
    permutations. Examples are put in a random order first, so arrays may be sorted.

    Parameters
    ----------
    measure
        A name, such as ``"cka"``, with its `options`; ``"maximum_match"`` with ``epsilon`` (and
        ``centred``) for the maximum matching similarity; or a measure with its options.
    x, y
        Samples × neurons, (d, p) and (d, q), numpy or torch, with the same samples in the same
        order; or examples × positions × neurons.
    positions
        Samples of each example, in consecutive rows. Positions of one image are alike: without
        this, an interval would be far too narrow.
    groups
        Groups of whole examples, for the interval; 0 for none.
    permutations
        Exchanges of the examples of Y, for chance; 0 for none.
    level
        Coverage of the interval.
    method
        ``"jackknife"``, whose interval is for infinitely many examples (the bias of few is taken
        off); but for as many examples as these where a measure of examples × examples has k
        neighbours or a median among them. Or ``"bootstrap"`` with 200 draws of groups: not for
        measures of examples × examples, for which an example drawn twice is its own neighbour.
    examples
        How many examples, in the random order, a measure of examples × examples takes: its time
        and memory rise with the square. None for all; other measures take all.
    seed
        Of the order of the examples and the draws.
    **options
        Of the measure.

    Raises
    ------
    StudyError
        For an unknown measure or option.
    InputError
        For arrays that cannot be used, and where the measure would be the same for any two layers.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(1000, 10))
    >>> print(estimate("cka", x, x + rng.normal(size=(1000, 10))))
    cka[linear,centred,biased] = 0.4996; 90 % interval 0.4852 to 0.5058; \
chance 0.00737 to 0.0118; p = 0.05; calibrated 0.495; 1,000 samples, 10 + 10 neurons
    """
    known = _measure(measure, options)
    first, positions_x = _samples(x, "X", positions)
    second, positions_y = _samples(y, "Y", positions)
    if positions_x != positions_y:
        raise InputError(
            f"Expected as many positions in X and Y. Got {positions_x} and {positions_y}."
        )
    if method not in ("jackknife", "bootstrap"):
        raise InputError(unknown_name("method", method, ["jackknife", "bootstrap"]))
    resamples: Resamples | ExampleResamples
    if known.statistic == "moments":
        resamples = Resamples.from_arrays(
            first,
            second,
            positions=positions_x,
            groups=max(1, groups),
            permutations=permutations,
            seed=seed,
        )
        samples = resamples.total.count
    else:
        if method == "bootstrap" and groups:
            raise InputError(
                f"Expected method 'jackknife' for {known.convention}. Got 'bootstrap': examples "
                "that are drawn twice would be each other's neighbours."
            )
        features: Features = getattr(known, "features", "averaged")
        resamples = ExampleResamples.from_arrays(
            *(_by_example(layer, positions_x) for layer in (first, second)),
            features=features,
            examples=examples,
            groups=max(1, groups),
            permutations=permutations,
            seed=seed,
        )
        samples = resamples.total.count * positions_x
    value = known.value(resamples.total)
    null = [known.value(resamples.null(number)) for number in range(permutations)]
    interval = _interval(known, resamples, value, groups, level=level, method=method, seed=seed)
    against = known.properties
    by_chance = bool(null) and bool(np.isfinite([value, *null]).all())
    calibrated = chance_corrected(value, null, best=against.best) if by_chance else math.nan
    larger = against.larger_is_more_similar
    return Estimate(
        value=value,
        convention=known.convention,
        interval=interval,
        null=null_band(null) if by_chance else None,
        p_value=p_value(value, null, larger_is_more_similar=larger) if by_chance else None,
        calibrated=calibrated if math.isfinite(calibrated) else None,
        samples=samples,
        examples=samples // positions_x,
        neurons_x=first.shape[1],
        neurons_y=second.shape[1],
    )


def _measure(measure: str | Measure, options: dict[str, object]) -> Measure:
    if not isinstance(measure, str):
        if options:
            raise InputError(
                f"Expected options in the measure that was given. Got {', '.join(options)} beside."
            )
        return measure
    if measure == "maximum_match":
        return validated_options(MaximumMatch, options, "measure 'maximum_match'")
    if measure not in measure_names():
        raise InputError(unknown_name("measure", measure, [*measure_names(), "maximum_match"]))
    return load_measure(measure, options)


def _samples(array: ArrayLike, name: str, positions: int) -> tuple[np.ndarray, int]:
    """Samples × neurons, and how many samples an example has."""
    shape = tuple(getattr(array, "shape", ()))
    if len(shape) != 3:
        samples = matrix(array, name)
        if positions < 1 or len(samples) % positions:
            raise InputError(
                f"Expected whole examples of {positions} positions each, in consecutive rows. "
                f"Got {len(samples)} samples in {name}."
            )
        return samples, positions
    if positions not in (1, shape[1]):
        raise InputError(
            f"Expected positions={shape[1]}, as {name} has them. Got {positions} and shape {shape}."
        )
    return matrix(array.reshape(shape[0] * shape[1], shape[2]), name), shape[1]


def _by_example(samples: np.ndarray, positions: int) -> np.ndarray:
    return samples.reshape(-1, positions, samples.shape[1])


def _interval(
    measure: Measure,
    resamples: Resamples | ExampleResamples,
    value: float,
    groups: int,
    *,
    level: float,
    method: Method,
    seed: int,
) -> Interval | None:
    """None where there are no groups, or the measure is not defined for each replicate."""
    if groups < 2 or not math.isfinite(value):
        return None
    halves = None
    if method == "bootstrap" and isinstance(resamples, Resamples):
        generator = np.random.default_rng([seed, 1])
        draws = generator.integers(groups, size=(BOOTSTRAP_SAMPLES, groups)).tolist()
        values = _values(measure, (resamples.drawn(draw) for draw in draws))
    else:
        values = _values(measure, (resamples.without(group) for group in range(groups)))
        if isinstance(resamples, Resamples):
            both = range(groups // 2), range(groups // 2, groups)
            halves = _values(measure, (resamples.drawn(half) for half in both))
            values = values if halves else None
    if values is None:
        return None
    if method == "bootstrap":
        return bootstrap_interval(value, values, groups=groups, level=level)
    return jackknife_interval(
        value, values, halves=(halves[0], halves[1]) if halves else None, level=level
    )


def _values(measure: Measure, statistics: Iterable[object]) -> list[float] | None:
    """The measure of each; None where it is not defined for all."""
    try:
        values = [measure.value(statistic) for statistic in statistics]
    except InputError:
        # Fewer examples can be fewer samples than neurons.
        return None
    return values if np.isfinite(values).all() else None
