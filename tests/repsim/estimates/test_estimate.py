"""One line of Python: a value with its interval, chance and p-value."""

import dataclasses
import re

import numpy as np
import pytest
import torch

import repsim.measures
from repsim.errors import CautionWarning, InputError, StudyError
from repsim.estimates import Estimate, estimate
from repsim.matching import match_profile
from repsim.measures import MEASURES, CentredOption, Properties, load_measure
from repsim.moments import Factor, Moments

REQUIRED = {"maximum_match": {"epsilon": 0.4}}
NEURON_BY_NEURON = {"cosine", "euclidean"}


def related(
    examples: int = 160, p: int = 5, q: int = 4, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(examples, p))
    return x, x @ rng.normal(size=(p, q)) + 0.5 * rng.normal(size=(examples, q))


def of_one_network(examples: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """As `related`, with neuron i of Y like neuron i of X."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(examples, 5))
    return x, x[:, :4] + 0.5 * rng.normal(size=(examples, 4))


@pytest.mark.parametrize("name", sorted(set(MEASURES.names) - {"minibatch_cka", *REQUIRED}))
def test_the_value_is_that_of_the_measure(name: str) -> None:
    x, y = of_one_network() if name in NEURON_BY_NEURON else related()
    found = estimate(name, x, y, groups=8, permutations=9)
    assert found.value == pytest.approx(getattr(repsim.measures, name)(x, y), rel=1e-9)
    assert found.convention == load_measure(name, {}).convention
    # The layers are related: chance does not show as much.
    assert found.p_value == pytest.approx(0.1)
    assert found.null is not None
    assert found.calibrated is not None
    assert 0 < found.calibrated < 1
    assert found.interval is not None
    assert found.interval.low < found.interval.high
    assert (found.samples, found.examples, found.neurons_x, found.neurons_y) == (160, 160, 5, 4)


@pytest.mark.parametrize("name", MEASURES.names)
@pytest.mark.parametrize("groups", [0, 1, 5])
def test_a_layer_with_itself_has_the_best_value_and_no_doubt(name: str, groups: int) -> None:
    x, _ = related(60)
    options = REQUIRED.get(name, {})
    best = load_measure(name, options).properties.best
    found = estimate(name, x, x, groups=groups, permutations=3, **options)
    assert found.value == pytest.approx(best, abs=1e-6)
    assert found.calibrated == pytest.approx(1, abs=1e-6)
    if groups < 2:
        assert found.interval is None
    else:
        assert found.interval is not None
        assert (found.interval.low, found.interval.high) == pytest.approx((best, best), abs=1e-5)


def test_the_maximum_match_is_that_of_the_profile() -> None:
    x, y = (np.maximum(layer, 0) for layer in related(400))
    for centred in (False, True):
        profile = match_profile(x, y, centred=centred)
        epsilon = float(np.median(np.concatenate((profile.critical_x, profile.critical_y))))
        found = estimate(
            "maximum_match", x, y, epsilon=epsilon, centred=centred, groups=5, permutations=3
        )
        assert found.value == profile.similarity(epsilon) > 0
        centring = "centred" if centred else "uncentred"
        assert found.convention == f"maximum_match[epsilon={epsilon:g},{centring}]"
        assert found.null is not None
        assert found.null.mean < found.value


@pytest.mark.parametrize("name", ["cka", "rsa"])
def test_positions_belong_to_their_example(name: str) -> None:
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(40, 6, 3)) + rng.normal(size=(40, 1, 3))
    other = maps + rng.normal(size=maps.shape)
    with_axes = estimate(name, maps, other, groups=5, permutations=4)
    rows = estimate(
        name,
        torch.from_numpy(maps.reshape(-1, 3)),
        other.reshape(-1, 3),
        positions=6,
        groups=5,
        permutations=4,
    )
    assert rows == with_axes
    assert (rows.samples, rows.examples) == (240, 40)
    alone = estimate(name, maps.reshape(-1, 3), other.reshape(-1, 3), groups=5, permutations=4)
    assert alone.interval != rows.interval
    assert alone.examples == 240


def test_positions_taken_for_examples_would_narrow_the_interval() -> None:
    # Sixteen copies of each example say nothing new.
    x, y = (np.repeat(layer, 16, axis=0) for layer in related())
    right, wrong = (estimate("cka", x, y, positions=n, permutations=0).interval for n in (16, 1))
    assert right is not None
    assert wrong is not None
    assert wrong.standard_error < 0.5 * right.standard_error


def test_the_interval_takes_off_the_bias_of_few_examples() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 60))
    y = 0.5 * x + np.sqrt(0.75) * rng.normal(size=(800, 60))
    found = estimate("cka", x, y, permutations=0)
    assert found.interval is not None
    middle = (found.interval.low + found.interval.high) / 2
    assert found.value > 0.25 + 3 * found.interval.standard_error
    # The interval allows for what the bias itself is uncertain by; it still excludes the value.
    assert found.interval.low < 0.25 < found.interval.high < found.value
    assert abs(middle - 0.25) < abs(found.value - 0.25) / 2
    assert found.interval.bias == pytest.approx(found.value - middle)


@pytest.mark.full
def test_intervals_of_gaussian_layers_hold_their_similarity() -> None:
    # 0.86 and 0.94 are more than three standard deviations of a share of 600 from 0.9.
    rng = np.random.default_rng(0)
    runs, rho, held = 600, 0.8, 0
    for seed in range(runs):
        x = rng.normal(size=(320, 4))
        y = rho * x + np.sqrt(1 - rho**2) * rng.normal(size=(320, 4))
        found = estimate("cka", x, y, permutations=0, seed=seed).interval
        assert found is not None
        held += found.low <= rho**2 <= found.high
    assert 0.86 < held / runs < 0.94


def test_bootstrap_and_jackknife_agree_on_many_samples() -> None:
    x, y = related(3200)
    both = [
        estimate("cka", x, y, permutations=0, method=method).interval
        for method in ("jackknife", "bootstrap")
    ]
    assert both[0] is not None
    assert both[1] is not None
    assert both[0].standard_error == pytest.approx(both[1].standard_error, rel=0.2)
    assert both[0].low == pytest.approx(both[1].low, abs=both[0].standard_error)


def test_everything_is_drawn_from_the_seed() -> None:
    x, y = related()
    first = estimate("cka", x, y, method="bootstrap", seed=3)
    assert estimate("cka", x, y, method="bootstrap", seed=3) == first
    assert estimate("cka", x, y, method="bootstrap", seed=4) != first


def test_arrays_may_be_sorted() -> None:
    # In order, example i and i + 1 are of one class, and swapping them changes next to nothing.
    classes = np.repeat(np.eye(5), 40, axis=0)
    noise = np.random.default_rng(0).normal(size=(2, 200, 5))
    found = estimate("cka", classes + 0.1 * noise[0], classes + 0.1 * noise[1])
    assert found.value > 0.9
    assert found.null is not None
    assert found.null.high < 0.2


def test_measures_of_examples_take_a_random_part() -> None:
    x, y = related(300)
    found = estimate("rsa", x, y, examples=100, groups=4, permutations=4)
    assert found.examples == 100
    assert estimate("rsa", x, y, examples=None, groups=0, permutations=0).examples == 300
    # Others take all.
    assert estimate("cka", x, y, examples=100, groups=0, permutations=0).examples == 300
    with pytest.raises(InputError, match=r"Got 16 groups of 10 units"):
        estimate("rsa", x, y, examples=10)
    with pytest.raises(InputError, match=r"'jackknife' for mutual_knn.* Got 'bootstrap'"):
        estimate("mutual_knn", x, y, method="bootstrap")


def test_wide_layers_are_refused_or_come_with_a_caution() -> None:
    x, y = related(40, 30, 30)
    with pytest.raises(InputError, match="fewer live neurons than samples"):
        estimate("cca", x[:30], y[:30])
    # A half has fewer samples than neurons: the bias cannot be told, nor an interval be right.
    found = estimate("cca", x, y)
    assert found.interval is None
    assert found.p_value is not None
    found = estimate("cka", x[:20], y[:20], groups=4)
    assert "Any two layers look alike with 30 live neurons and 20 samples" in found.caution
    assert str(found).endswith(found.caution)


def test_what_is_not_defined_is_none() -> None:
    x, y = related(40)
    found = estimate("cka", np.ones_like(x), y)
    assert np.isnan(found.value)
    assert found.interval is found.null is found.p_value is found.calibrated is None
    assert found.caution == "Not defined: every neuron of X is constant over the samples."
    line = "cka[linear,centred,biased] = nan; 40 samples, 5 + 4 neurons"
    assert str(found) == f"{line}. {found.caution}"


def test_the_line_says_it_all() -> None:
    x, y = related(1000)
    line = str(estimate("cka", x, y))
    pattern = (
        r"cka\[linear,centred,biased\] = 0\.\d+; corrected for the number of examples 0\.\d+, "
        r"90 % interval 0\.\d+ to 0\.\d+; permuted 0\.\d+ to 0\.\d+ "
        r"\(p ≤ \.05, the least possible with 19 permutations\); calibrated 0\.\d+; "
        r"1,000 samples, 5 \+ 4 neurons"
    )
    assert re.fullmatch(pattern, line)
    labelled = str(estimate("cka", x, y, labels=np.arange(1000) % 5))
    assert re.search(r"permuted within classes 0\.\d+ to .*; permuted 0\.\d+ to", labelled)


def test_a_measure_with_its_options_is_taken() -> None:
    x, y = related()
    debiased = load_measure("cka", {"debiased": True})
    assert estimate(debiased, x, y) == estimate("cka", x, y, debiased=True)
    with pytest.raises(InputError, match=r"options in the measure .* Got debiased beside"):
        estimate(debiased, x, y, debiased=True)


def test_estimates_are_values() -> None:
    found = estimate("cka", *related(), groups=0, permutations=0)
    assert isinstance(found, Estimate)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.value = 1.0  # type: ignore[misc]


@pytest.mark.usefixtures("unchecked_shapes")
def test_what_cannot_be_estimated_is_refused() -> None:
    x, y = related()
    with pytest.raises(StudyError, match="Did you mean 'maximum_match'"):
        estimate("maximum_matching", x, y)
    with pytest.raises(StudyError, match="option 'epsilon' of measure 'maximum_match'"):
        estimate("maximum_match", x, y)
    with pytest.raises(StudyError, match="'debased'"):
        estimate("cka", x, y, debased=True)
    with pytest.raises(InputError, match=r"known method\. Got 'jacknife'. Did you mean"):
        estimate("cka", x, y, method="jacknife")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="Got 160 in X and 159 in Y"):
        estimate("cka", x, y[:-1])
    with pytest.raises(InputError, match="Got 160 in X and 159 in Y"):
        estimate("rsa", x, y[:-1])
    with pytest.raises(InputError, match=r"id for each of 160 examples\. Got shape \(3,\)"):
        estimate("cka", x, y, blocks=[1, 2, 3])
    with pytest.raises(InputError, match="between 1 and 160 consecutive samples in a unit"):
        estimate("cka", x, y, blocks=0)
    with pytest.raises(InputError, match=r"Expected labels of shape \(160,\)"):
        estimate("cka", x, y, labels=[0, 1])
    with pytest.raises(InputError, match=r"examples of 7 positions each.* 160 samples in X"):
        estimate("cka", x, y, positions=7)
    maps = x.reshape(40, 4, 5)
    with pytest.raises(InputError, match=r"positions=4, as X has them\. Got 2"):
        estimate("cka", maps, maps, positions=2)
    with pytest.raises(InputError, match=r"as many positions in X and Y\. Got 4 and 2"):
        estimate("cka", maps, maps[:, :2])
    with pytest.raises(InputError, match="level between 0 and 1"):
        estimate("cka", x, y, level=90)
    with pytest.raises(InputError, match=r"at least one sample in X\. Got shape \(0, 5\)"):
        estimate("cka", x[:0], y[:0])
    with pytest.raises(InputError, match="masked"):
        estimate("cka", np.ma.array(maps, mask=maps > 1), maps)
    assert estimate("cka", maps.tolist(), maps.tolist(), permutations=0).samples == 160


def test_a_measure_of_examples_takes_layers_of_different_sizes() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 12, 5)), rng.normal(size=(60, 7, 9))
    for name in ("rsa", "rbf_cka", "mutual_knn"):
        expected = getattr(repsim.measures, name)(x, y)
        assert estimate(name, x, y, groups=5).value == pytest.approx(expected, abs=1e-9)


def test_classes_are_not_taken_for_more_than_they_are() -> None:
    """Layers that share their classes and nothing else: beyond chance, and not within classes."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 60)
    centres = rng.normal(size=(2, 5, 6))
    x, y = (centres[i][labels] + 0.5 * rng.normal(size=(300, 6)) for i in range(2))
    for name in ("cka", "rsa", "maximum_match"):
        found = estimate(name, x, y, labels=labels, **REQUIRED.get(name, {}))
        assert found.null_within is not None
        assert found.null is not None
        assert found.p_value_within is not None
        assert found.p_value_within > 0.05
        assert found.null_within.mean >= found.null.mean
        if name != "maximum_match":
            assert found.p_value == pytest.approx(0.05)
            assert found.null_within.mean > 5 * found.null.mean
    # And what is shared within classes shows.
    more = x @ rng.normal(size=(6, 6)) + 0.1 * rng.normal(size=(300, 6))
    assert estimate("cka", x, more, labels=labels).p_value_within == pytest.approx(0.05)
    assert estimate("cka", x, more).null_within is None


def test_labels_may_be_of_any_kind_and_of_blocks() -> None:
    x, y = related(120)
    words = np.array(["cat", "dog", "cow"])[np.arange(120) // 2 % 3]
    by_sample = estimate("cka", x, y, blocks=2, labels=words, groups=6)
    by_block = estimate("cka", x, y, blocks=2, labels=words[::2], groups=6)
    assert by_sample == by_block


def series(length: int, seed: int, memory: float = 0.97) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise, values = rng.normal(size=(length, 4)), np.zeros((length, 4))
    for step in range(1, length):
        values[step] = memory * values[step - 1] + noise[step]
    return values


def test_independent_series_are_not_significant_in_blocks() -> None:
    found = {"rows": [], "blocks": []}
    for seed in range(40):
        x, y = series(1500, 2 * seed), series(1500, 2 * seed + 1)
        rows = estimate("cka", x, y, groups=0, permutations=9, seed=seed)
        assert "Neighbouring examples are alike" in rows.caution
        blocks = estimate("cka", x, y, groups=0, permutations=9, seed=seed, blocks=150)
        assert blocks.caution == ""
        found["rows"].append(rows.p_value)
        found["blocks"].append(blocks.p_value)
    assert np.mean(np.array(found["rows"]) <= 0.1) > 0.5
    # Nominal 0.1; 0.3 is four standard deviations above it.
    assert np.mean(np.array(found["blocks"]) <= 0.1) < 0.3


def test_blocks_may_be_ids_of_examples_in_any_order() -> None:
    x, y = related(160)
    consecutive = estimate("cka", x, y, blocks=10, groups=8)
    ids = np.repeat(np.arange(16), 10)
    assert estimate("cka", x, y, blocks=ids, groups=8) == consecutive
    shuffle = np.random.default_rng(0).permutation(160)
    shuffled = estimate("cka", x[shuffle], y[shuffle], blocks=ids[shuffle], groups=8)
    assert shuffled.interval is not None
    assert consecutive.interval is not None
    assert shuffled.value == pytest.approx(consecutive.value, rel=1e-9)
    # Units are numbered as they appear, so that the groups are others.
    error = consecutive.interval.standard_error
    assert shuffled.interval.low == pytest.approx(consecutive.interval.low, abs=2 * error)
    in_rsa = estimate("rsa", x, y, blocks=ids, groups=8, examples=100)
    assert in_rsa.examples == 100


def test_sorted_examples_with_labels_are_no_series() -> None:
    classes = np.repeat(np.eye(5), 40, axis=0)
    noise = np.random.default_rng(0).normal(size=(2, 200, 5))
    x, y = classes + 0.3 * noise[0], classes + 0.3 * noise[1]
    assert "Neighbouring" in estimate("cka", x, y).caution
    assert estimate("cka", x, y, labels=np.repeat(np.arange(5), 40)).caution == ""


def test_the_match_goes_over_to_the_factor_with_all_its_replicates() -> None:
    """A neuron that differs from another by 1e-7 spans a direction that moments do not show."""
    a, b = np.random.default_rng(0).normal(size=(2, 1200))
    x, y = np.c_[a, a + 1e-7 * b], np.c_[a, b]
    found = estimate("maximum_match", x, y, epsilon=0.1, permutations=4)
    assert found.value == match_profile(x, y).similarity(0.1) == 1.0
    assert repsim.measures.maximum_match(x, y, epsilon=0.1) == 1.0
    factor, moments = (of.from_arrays(x, y) for of in (Factor, Moments))
    assert repsim.measures.maximum_match(factor, epsilon=0.1) == 1.0
    with pytest.warns(CautionWarning, match="compute the profile from the arrays"):
        assert repsim.measures.maximum_match(moments, epsilon=0.1) < 1
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (1.0, 1.0)
    assert found.null is not None
    assert found.null.high < 1


def test_a_value_outside_its_bounds_is_none() -> None:
    class Broken(CentredOption):
        @property
        def convention(self) -> str:
            return "broken[]"

        @property
        def properties(self) -> Properties:
            return Properties(invariances=frozenset())

        def value(self, moments: object) -> float:
            return 1.7

    found = estimate(Broken(), *related(), groups=0, permutations=0)
    assert np.isnan(found.value)
    assert "came out as 1.7, which is outside 0 to 1" in found.caution
