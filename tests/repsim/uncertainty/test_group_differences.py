"""Differences between groups of pairs: exact by an independent count, and uniform by chance."""

import itertools

import numpy as np
import pytest

from repsim.errors import InputError
from repsim.uncertainty import group_difference
from repsim.uncertainty.group_differences import MOST_RELABELLINGS


def study(sizes, layers=3, seed=0, *, tight=0.0, apart=0.0):
    """Values of every pair: networks have effects of their own, and layers too."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    first, second = map(np.array, zip(*itertools.combinations(range(groups.size), 2), strict=True))
    own = rng.normal(0, 0.1, size=groups.size)
    values = own[first] + own[second] + rng.normal(0, 0.05, size=first.size)
    values = values[:, None] + rng.normal(0, 0.05, size=(first.size, layers)) + np.arange(layers)
    same = groups[first] == groups[second]
    values += (tight * (same & (groups[first] == 0)) - apart * ~same)[:, None]
    return values, first, second, groups


def literal(values, first, second, groups, contrast):
    """Every labelling, each as often as it has a mirror; the mean over layers alone."""
    found = []
    for labels in set(itertools.permutations(groups.tolist())):
        a, b = np.array(labels)[first], np.array(labels)[second]
        plus, minus = a == b, a != b
        if contrast == "within":
            plus, minus = (a == 0) & (b == 0), (a == 1) & (b == 1)
        found.append(values[plus].mean() - values[minus].mean())
        if labels == tuple(groups.tolist()):
            observed = found[-1]
    reached = np.abs(found) >= abs(observed) - 1e-9
    return observed, reached.mean()


@pytest.mark.parametrize(
    ("sizes", "contrast"),
    [
        *itertools.product([(3, 3), (2, 4), (4, 2)], ["within", "cohesion"]),
        *itertools.product([(2, 2, 2), (3, 2, 2)], ["cohesion"]),
    ],
)
def test_exact_p_values_are_those_of_every_labelling(sizes, contrast):
    made = study(sizes, tight=0.1, apart=0.1)
    found = group_difference(*made, contrast)
    difference, p = literal(*made, contrast)
    assert found.exact
    assert found.difference == pytest.approx(difference)
    assert found.layers.mean() == pytest.approx(difference)
    assert found.p_value == pytest.approx(p)


def test_ten_networks_in_two_groups_have_126_partitions():
    found = group_difference(*study((5, 5), apart=1.0), "cohesion")
    assert found.permutations == 125
    assert found.p_value == pytest.approx(1 / 126)
    assert found.p_values == pytest.approx([1 / 126] * 3)
    assert found.p_values_layers == pytest.approx([1 / 126] * 3)


def test_the_order_of_networks_and_pairs_does_not_matter():
    values, first, second, groups = study((3, 4), tight=0.2)
    expected = group_difference(values, first, second, groups, "within")
    rng = np.random.default_rng(1)
    renamed, shuffled = rng.permutation(7), rng.permutation(len(first))
    moved = np.empty(7, dtype=np.int64)
    moved[renamed] = groups
    got = group_difference(
        values[shuffled], renamed[second[shuffled]], renamed[first[shuffled]], moved, "within"
    )
    assert got.difference == pytest.approx(expected.difference)
    assert got.p_value == pytest.approx(expected.p_value)


@pytest.mark.parametrize("contrast", ["within", "cohesion"])
def test_p_values_are_about_uniform_where_groups_do_not_differ(contrast):
    found = [group_difference(*study((5, 5), 2, seed), contrast) for seed in range(400)]
    p = np.array([one.p_value for one in found])
    for level in (0.1, 0.25, 0.5, 0.75):
        # Three standard errors of a share of 400.
        assert abs((p <= level).mean() - level) < 3 * np.sqrt(level * (1 - level) / 400) + 1 / 126
    least = np.array([one.p_values_layers.min() for one in found])
    assert (least <= 0.1).mean() < 0.1 + 3 * np.sqrt(0.09 / 400)


def test_pairs_alone_would_find_what_is_not_there():
    """Why networks are permuted: as if pairs were independent, one in ten becomes one in four."""
    differences, errors = [], []
    for seed in range(200):
        values, first, second, groups = study((5, 5), 1, seed)
        a, b = (values[(groups[first] == g) & (groups[second] == g), 0] for g in (0, 1))
        differences.append(a.mean() - b.mean())
        errors.append(np.sqrt(a.var(ddof=1) / a.size + b.var(ddof=1) / b.size))
    assert (np.abs(differences) > 1.73 * np.array(errors)).mean() > 0.2


def test_a_difference_is_found_where_it_is():
    assert group_difference(*study((5, 5), tight=0.5), "within").p_value <= 0.05
    values, first, second, groups = study((3, 3, 3, 3), apart=0.6)
    found = group_difference(values, first, second, groups, "cohesion")
    assert not found.exact
    assert found.permutations == MOST_RELABELLINGS - 1
    assert found.p_value <= 0.001
    again = group_difference(values, first, second, groups, "cohesion")
    assert again.p_value == found.p_value


def test_two_networks_in_each_group_are_the_fewest():
    assert group_difference(*study((2, 2), apart=1.0), "cohesion").p_value == pytest.approx(1 / 3)
    assert group_difference(*study((1, 4)), "cohesion") is None
    assert group_difference(*study((4,)), "cohesion") is None


def test_a_pair_that_is_missing_or_has_no_value_is_refused():
    values, first, second, groups = study((3, 3))
    with pytest.raises(InputError, match=r"every two of 6 networks as one pair\. Got 14 pairs"):
        group_difference(values[1:], first[1:], second[1:], groups, "within")
    values[2, 1] = np.nan
    with pytest.raises(InputError, match="Got 1 of 45 that are not"):
        group_difference(values, first, second, groups, "within")
    with pytest.raises(InputError, match=r"two groups for the contrast 'within'\. Got 3"):
        group_difference(*study((2, 2, 2)), "within")
