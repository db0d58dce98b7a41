"""What is planned for a task is what it takes, within a factor of 1.5."""

import itertools
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from repsim.stages.tiles import tiles_of
from repsim.store import Store
from repsim.study import Resampling
from tests.benchmarks.memory import pair_of_layers, peaks, random_blocks, write_layer
from tests.repsim.stages import pairs


@pytest.mark.parametrize(
    ("networks", "neurons", "examples", "positions"),
    [
        pytest.param(2, 1024, 8000, 1, marks=pytest.mark.full),
        pytest.param(2, 64, 2000, 400, marks=pytest.mark.full),
        (3, 64, 2000, 100),
    ],
    ids=["wide", "map", "three networks"],
)
def test_the_estimate_holds(networks, neurons, examples, positions, tmp_path):
    store = Store(str(tmp_path))
    spec = pair_of_layers(neurons, neurons, examples=examples, positions=positions)
    # A replicate takes as much as the next: some of each kind are enough.
    spec = replace(spec, resampling=Resampling(permutations=3, groups=5))
    layers = [replace(spec.x, network=pairs.network(seed)) for seed in range(networks)]
    for seed, layer in enumerate(layers):
        write_layer(store, layer, random_blocks(layer, seed=seed))
    specs = [replace(spec, x=x, y=y) for x, y in combinations(layers, 2)]
    (tile,) = tiles_of(specs)
    planned = max(tile.memory, *(spec.memory for spec in specs))
    measured = max(peak.most for peak in peaks(store, *specs))
    assert planned / 1.5 < measured < planned * 1.5


@pytest.mark.full
def test_a_layer_ten_times_larger_than_the_memory_of_its_task(tmp_path):
    store = Store(str(tmp_path))
    spec = pair_of_layers(64, 64, examples=20_000, positions=400)
    spec = replace(spec, resampling=Resampling(permutations=0))
    (tile,) = tiles_of([spec])
    assert spec.x.bytes + spec.y.bytes > 10 * tile.memory
    # One example over and over takes little of the disk, and as much memory as any other.
    example = np.maximum(np.random.default_rng(0).normal(size=(1, 400, 64)), 0)
    block = np.repeat(example.astype(np.float32), 100, axis=0)
    for side in spec.layers:
        write_layer(store, side, itertools.repeat(block, 200))
    reduce = max(peak.most for peak in peaks(store, spec) if peak.task == "reduce")
    assert reduce < tile.memory * 1.5
