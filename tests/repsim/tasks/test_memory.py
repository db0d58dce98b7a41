"""What is planned for a task is what it takes, within a factor of 1.5."""

import pytest

from repsim.store import Store
from tests.benchmarks.memory import pair_of_layers, peaks, random_blocks, write_layer


@pytest.mark.parametrize(
    ("neurons", "examples", "positions"), [(1024, 8000, 1), (64, 2000, 400)], ids=["wide", "map"]
)
def test_the_estimate_holds(neurons, examples, positions, tmp_path):
    store = Store(str(tmp_path))
    spec = pair_of_layers(neurons, neurons, examples=examples, positions=positions)
    for seed, side in enumerate((spec.x, spec.y)):
        write_layer(store, side, random_blocks(side, seed=seed))
    measured = max(peak.most for peak in peaks(store, spec))
    assert spec.memory / 1.5 < measured < spec.memory * 1.5
