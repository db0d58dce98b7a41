"""A measure of two layers, with its interval, its chance level and its p-value."""

from dataclasses import dataclass

import numpy as np

from repsim.arrays import ArrayLike, as_array
from repsim.errors import InputError, unknown_name
from repsim.estimates.dependence import dependence_caution
from repsim.estimates.estimate import Estimate
from repsim.estimates.example_resamples import ExampleResamples
from repsim.estimates.factor_resamples import FactorResamples
from repsim.estimates.replicates import AnyResamples, Method, replicates_of, usual_groups
from repsim.measures import Measure, caution_of, checked_value, load_measure
from repsim.measures.maximum_match import Options as MaximumMatch
from repsim.moments import Resamples, UnitOrder, Units
from repsim.moments.samples import matrix
from repsim.uncertainty import Replicates

__all__ = ["estimate"]

# Examples that permutations cannot move raise the null by about their share.
ALONE = 0.05


def estimate(
    measure: str | Measure,
    x: ArrayLike,
    y: ArrayLike,
    *,
    positions: int = 1,
    blocks: int | ArrayLike | None = None,
    labels: ArrayLike | None = None,
    groups: int | None = None,
    permutations: int = 19,
    level: float = 0.9,
    method: Method = "jackknife",
    examples: int | None = 1024,
    seed: int = 0,
    **options: object,
) -> Estimate:
    """A measure of two layers with its interval, its chance level and its p-value.

    The measure is computed once for each group and each permutation. Examples are put in a
    random order first, so arrays may be sorted.

    Parameters
    ----------
    measure
        A name, such as ``"cka"``, with its `options`; ``"package.module:Name"`` for a measure of
        your own; or a measure with its options.
    x, y
        Samples × neurons, (d, p) and (d, q), numpy or torch, with the same samples in the same
        order; or examples × positions × neurons.
    positions
        Samples of each example, in consecutive rows. Positions of one image are alike: without
        this, an interval would be far too narrow.
    blocks
        Examples that belong together, and are permuted and left out together: frames of a clip,
        tokens of a sequence, stretches of one long recording. A number of consecutive examples, or
        an id for each. Without it, examples count as independent: two independent series, each
        alike from one row to the next, would come out as similar beyond chance.
    labels
        The class of each example (or block), for the null within classes.
    groups
        Groups of examples, for the interval; by default 16, or as many as there are examples; 0 for
        none.
    permutations
        Of the examples of Y, for each null; 0 for none.
    level
        Coverage of the interval.
    method
        ``"jackknife"``, or ``"bootstrap"`` with 200 draws of groups: not for measures of examples ×
        examples, for which an example drawn twice is its own neighbour. The interval is for the
        similarity that unlimited examples would show: the bias of few is taken off. Only mutual
        nearest neighbours and minibatch CKA, which are another quantity for fewer examples, are
        taken as they are.
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
    cka[linear,centred,biased] = 0.4996; corrected for the number of examples 0.4955, \
90 % interval 0.4852 to 0.5058; permuted 0.00705 to 0.0129 (p ≤ .05, the least possible with 19 \
permutations); calibrated 0.495; 1,000 samples, 10 + 10 neurons
    """
    known = _measure(measure, options)
    if method not in ("jackknife", "bootstrap"):
        raise InputError(unknown_name("method", method, ["jackknife", "bootstrap"]))
    of_moments = known.statistic == "moments"
    if not of_moments and method == "bootstrap" and groups != 0:
        raise InputError(
            f"Expected method 'jackknife' for {known.convention}. Got 'bootstrap': examples "
            "that are drawn twice would be each other's neighbours."
        )
    if permutations < 0 or (groups is not None and groups < 0):
        raise InputError(
            f"Expected numbers of permutations and groups from 0. Got {permutations} and {groups}."
        )
    layers = _layers(x, y, positions, as_samples=of_moments)
    units = _units(layers.examples, blocks)
    known_labels = None if labels is None else units.values_of(_labels(labels), "labels")
    groups = usual_groups(units.count) if groups is None else groups
    order = UnitOrder.drawn(units, groups=max(1, groups), seed=seed, labels=known_labels)
    resamples: AnyResamples
    if of_moments:
        resamples = _of_samples(known, layers, order, permutations)
        used = layers.examples
    else:
        chosen, order = order.first(layers.examples if examples is None else examples)
        pair = known.statistic_of(layers.x[chosen], layers.y[chosen])
        resamples = ExampleResamples(total=pair, order=order)
        used = len(chosen)
    value = checked_value(known, resamples.total)
    replicates = Replicates(
        **replicates_of(
            known,
            resamples,
            value,
            permutations=permutations,
            within=known_labels is not None,
            groups=groups,
            method=method,
            seed=seed,
        )
    )
    cautions = [caution_of(known, resamples.total, value), _alone(known_labels)]
    if blocks is None:
        cautions.append(dependence_caution(*layers.averaged, known_labels))
    return Estimate(
        value=value,
        convention=known.convention,
        interval=replicates.interval(level),
        null=replicates.chance(),
        null_within=replicates.chance(within=True),
        p_value=replicates.p_value(),
        p_value_within=replicates.p_value(within=True),
        calibrated=replicates.calibrated(),
        permutations=permutations,
        samples=used * layers.positions,
        examples=used,
        neurons_x=layers.x.shape[-1],
        neurons_y=layers.y.shape[-1],
        caution=" ".join(filter(None, cautions)),
    )


def _measure(measure: str | Measure, options: dict[str, object]) -> Measure:
    if isinstance(measure, Measure):
        if options:
            raise InputError(
                f"Expected options in the measure that was given. Got {', '.join(options)} beside."
            )
        return measure
    if not isinstance(measure, str):
        raise InputError(
            "Expected a measure as a name, or as an instance of a class that derives from "
            f"repsim.measures.Measure. Got {type(measure).__name__}."
        )
    return load_measure(measure, options)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Layers:
    """Both arrays, as samples × neurons or as examples × positions × neurons."""

    x: np.ndarray
    y: np.ndarray
    examples: int
    positions: int

    @property
    def averaged(self) -> tuple[np.ndarray, np.ndarray]:
        """Both as examples × neurons."""
        x, y = (
            layer.reshape(self.examples, -1, layer.shape[-1]).mean(axis=1, dtype=np.float64)
            for layer in (self.x, self.y)
        )
        return x, y


def _layers(x: ArrayLike, y: ArrayLike, positions: int, *, as_samples: bool) -> _Layers:
    """What a measure takes: measures of samples as many positions of both, others any."""
    (first, of_first), (second, of_second) = (
        _samples(array, name, positions) for array, name in ((x, "X"), (y, "Y"))
    )
    examples = len(first) // of_first, len(second) // of_second
    if examples[0] != examples[1]:
        raise InputError(
            f"Expected the same examples in X and Y. Got {examples[0]} in X and {examples[1]} in "
            "Y. Both must hold the same inputs in the same order."
        )
    if as_samples and of_first != of_second:
        raise InputError(
            f"Expected as many positions in X and Y. Got {of_first} and {of_second}. A measure of "
            "examples, such as rsa, takes layers of different sizes; or average the positions."
        )
    if not as_samples:
        first, second = (
            layer.reshape(-1, count, layer.shape[1])
            for layer, count in ((first, of_first), (second, of_second))
        )
    return _Layers(x=first, y=second, examples=examples[0], positions=max(of_first, of_second))


def _samples(array: ArrayLike, name: str, positions: int) -> tuple[np.ndarray, int]:
    """Samples × neurons, and how many samples an example has."""
    values = as_array(array, name)
    if values.ndim == 3:
        if positions not in (1, values.shape[1]):
            raise InputError(
                f"Expected positions={values.shape[1]}, as {name} has them. "
                f"Got {positions} and shape {values.shape}."
            )
        positions = values.shape[1]
        values = values.reshape(-1, values.shape[2])
    samples = matrix(values, name)
    if not len(samples):
        raise InputError(f"Expected at least one sample in {name}. Got shape {values.shape}.")
    if positions < 1 or len(samples) % positions:
        raise InputError(
            f"Expected whole examples of {positions} positions each, in consecutive rows. "
            f"Got {len(samples)} samples in {name}."
        )
    return samples, positions


def _units(examples: int, blocks: int | ArrayLike | None) -> Units:
    if blocks is None:
        return Units.of_length(examples, 1)
    if isinstance(blocks, int | np.integer) and not isinstance(blocks, bool):
        return Units.of_length(examples, int(blocks))
    ids = np.asarray(blocks)
    if ids.shape != (examples,):
        raise InputError(
            f"Expected blocks as a number of consecutive examples, or an id for each of {examples} "
            f"examples. Got shape {ids.shape}."
        )
    return Units.of_ids(ids)


def _labels(labels: ArrayLike) -> np.ndarray:
    values = np.asarray(labels.cpu() if hasattr(labels, "cpu") else labels)
    missing = values.dtype.kind == "f" and bool(np.isnan(values).any())
    if values.dtype.kind not in "biufUS" or missing:
        raise InputError(
            "Expected labels as numbers or words, one for each example. Got "
            f"{'NaN among them' if missing else f'dtype {values.dtype}'}. Leave out the examples "
            "whose class is not known."
        )
    return values


def _alone(labels: np.ndarray | None) -> str:
    """A warning where many examples are alone in their class, where no permutation moves them."""
    if labels is None:
        return ""
    _, sizes = np.unique(labels, return_counts=True)
    alone = int(np.sum(sizes == 1))
    if alone <= ALONE * len(labels):
        return ""
    return (
        f"{alone} of {len(labels)} examples are the only ones of their class: permutations within "
        "classes leave them where they are, and show too much similarity. Take coarser classes."
    )


def _of_samples(
    measure: Measure, layers: _Layers, order: UnitOrder, permutations: int
) -> Resamples | FactorResamples:
    """Replicates as moments, or as factors for a match that needs more digits."""
    units = order.units.of_positions(layers.positions)
    of_rows = UnitOrder(units=units, order=order.order, groups=order.groups, labels=order.labels)
    resamples = Resamples.from_arrays(layers.x, layers.y, of_rows, permutations=permutations)
    if isinstance(measure, MaximumMatch):
        profile = measure.profile(resamples.total)
        if not profile.settled:
            factors = FactorResamples(layers.x, layers.y, of_rows)
            if not measure.profile(factors.total).agrees_with(profile):
                return factors
    return resamples
