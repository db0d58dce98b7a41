"""A layer is captured in memory that does not depend on how many examples there are."""

import subprocess
import sys
from pathlib import Path

from repsim.store import Activations, Store
from tests.repsim.stages.capturing import EXAMPLE_BYTES

ROOT = Path(__file__).resolve().parents[3]
LIMIT = 32 * 2**20


def test_a_layer_ten_times_as_large_as_the_limit_stays_within_it(tmp_path: Path) -> None:
    examples = 10 * LIMIT // EXAMPLE_BYTES
    # The first capture of a process, of some batches and shards, takes what any takes.
    arguments = [str(tmp_path), "1024", str(examples)]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.repsim.stages.capturing", *arguments],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        check=True,
        text=True,
    )
    _, grown = map(int, ran.stdout.split())
    assert grown < LIMIT
    store = Store(str(tmp_path))
    there = Activations(store, f"{examples:064d}")
    assert there.shape == (examples, 1024, 16)
    written = sum(store.sizes(there.artifact.folder).values())
    assert written > 4 * LIMIT  # random values do not compress away
