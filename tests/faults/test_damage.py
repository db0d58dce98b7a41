"""A flipped, truncated or deleted file is noticed, made again, and never used in a number."""

import random
import shutil
from pathlib import Path

import pytest

from tests.faults.publication_points import run_inline
from tests.runs import assert_same_results

# What is damaged, and what has to be made again so that a run comes to read it.
KINDS = {
    "networks/*/marker.json": ["activations", "moments", "profiles", "simple", "matches"],
    "networks/*/*/weights.pt": ["activations", "moments", "profiles", "simple", "matches"],
    "networks/*/*/training.json": ["matches"],
    "activations/*/marker.json": ["moments", "profiles", "simple", "matches"],
    "activations/*/*/examples.json": ["moments", "profiles", "simple", "matches"],
    "activations/*/*/activations/zarr.json": ["moments", "profiles", "simple", "matches"],
    "activations/*/*/activations/c/*/*/*": ["moments", "profiles", "simple", "matches"],
    "moments/*/marker.json": ["profiles", "simple", "matches"],
    "moments/*/*/arrays.npz": ["profiles", "simple", "matches"],
    "profiles/*/marker.json": [],
    "profiles/*/*/arrays.npz": [],
    "simple/*/marker.json": [],
    "simple/*/*/simple.json": [],
    "matches/*/marker.json": [],
    "matches/*/*/rows.json": [],
    "studies/tiny/report.json": [],
    "studies/tiny/report/results.parquet": [],
    "studies/tiny/report/neurons.parquet": [],
    "studies/tiny/run-summary.json": [],
}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, fault_study: Path) -> Path:
    store = tmp_path_factory.mktemp("clean") / "runs"
    run_inline(fault_study, store)
    return store


def flip(file: Path, random_: random.Random) -> None:
    content = bytearray(file.read_bytes())
    content[random_.randrange(len(content))] ^= 1 << random_.randrange(8)
    file.write_bytes(content)


def truncate(file: Path, random_: random.Random) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: random_.randrange(len(content))])


def delete(file: Path, random_: random.Random) -> None:
    file.unlink()


@pytest.mark.parametrize("harm", [flip, truncate, delete])
@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_made_good(
    kind: str, harm, clean: Path, fault_study: Path, tmp_path: Path
) -> None:
    store = tmp_path / "runs"
    shutil.copytree(clean, store)
    random_ = random.Random(f"{kind} {harm.__name__}")
    for later in KINDS[kind]:
        shutil.rmtree(store / later)
    if kind.startswith(("profiles", "simple", "matches")):
        (store / "studies/tiny/report.json").unlink()
    harm(random_.choice(sorted(store.glob(kind))), random_)
    summary = run_inline(fault_study, store)
    assert summary.exit_code == 0, summary
    assert_same_results(store, clean)
