"""What is planned for a task is what it takes, within a factor of 1.5."""

import itertools
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from repsim.store import Store
from repsim.study import Resampling
from repsim.tasks.specs import tiles_of
from tests.benchmarks.memory import pair_of_layers, peaks, random_blocks, write_layer
from tests.repsim.tasks import pairs


@pytest.mark.parametrize(
    ("networks", "neurons", "examples", "positions"),
    [(2, 1024, 8000, 1), (2, 64, 2000, 400), (3, 64, 2000, 100)],
    ids=["wide", "map", "three networks"],
)
def test_the_estimate_holds(networks, neurons, examples, positions, tmp_path):
    store = Store(str(tmp_path))
    spec = pair_of_layers(neurons, neurons, examples=examples, positions=positions)
    layers = [replace(spec.x, network=pairs.network(seed)) for seed in range(networks)]
    for seed, layer in enumerate(layers):
        write_layer(store, layer, random_blocks(layer, seed=seed))
    specs = [replace(spec, x=x, y=y) for x, y in combinations(layers, 2)]
    (tile,) = tiles_of(specs)
    measured = max(peak.most for peak in peaks(store, *specs))
    assert tile.memory / 1.5 < measured < tile.memory * 1.5


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
    reduce = max(peak.most for peak in peaks(store, spec) if peak.task == "reduce_tile")
    assert reduce < tile.memory * 1.5
