"""The benchmarks run on small layers, agree with the literal algorithms, and save memory."""

import tracemalloc

import pytest
import torch

from repsim.matching import match_profile
from repsim.moments import Factor, Moments
from tests.benchmarks import own_models
from tests.benchmarks.minimal import minimal_matches
from tests.benchmarks.scaling import scaling_in_neurons, scaling_in_samples
from tests.benchmarks.sweep import sweeps
from tests.benchmarks.targets import minimal_costs, profile_costs
from tests.benchmarks.timing import table
from tests.repsim.matching.instances import graded_pair


def test_small_benchmarks_agree_with_the_literal_algorithms() -> None:
    comparisons = [
        *sweeps(width=24, samples=3000, columns=600),
        *minimal_matches(width=24, samples=300, neurons_timed=2),
        *scaling_in_neurons(widths=(8, 16), samples=300),
        *scaling_in_samples(counts=(200, 400), width=16),
    ]
    lines = table(comparisons).splitlines()
    assert len(lines) == 2 + len(comparisons) == 10
    assert all(c.ratio > 0 for c in comparisons)
    costs = [*profile_costs(widths=(16,)), *minimal_costs(widths=(16,))]
    assert all("16" in str(cost) or "32" in str(cost) for cost in costs)


@pytest.mark.parametrize("make", [Moments.from_arrays, Factor.from_arrays])
def test_a_profile_takes_less_than_eight_copies_of_the_second_moment(make) -> None:
    width = 300
    pair = graded_pair(0, 1000, width)
    source = make(pair.x, pair.y)
    tracemalloc.start()
    match_profile(source)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= 8 * (2 * width) ** 2 * 8


@pytest.mark.full
def test_ways_that_average_feature_maps_agree() -> None:
    from torchvision.models import resnet18, resnet34

    torch.manual_seed(0)
    models = resnet18(weights=None).eval(), resnet34(weights=None).eval()
    images = torch.randn(24, 3, 32, 32)
    ways = (own_models.repsim_cka, own_models.features_by_hooks, own_models.one_pass_for_each_layer)
    first, *others = (float(way(*models, images)) for way in ways)
    assert others == pytest.approx([first] * 2, abs=2e-4)
    assert own_models.lines_of(own_models.forward_passes) == 4
