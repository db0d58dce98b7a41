"""A flipped, truncated or deleted file is noticed, made again, and never used in a number."""

import random
import shutil
from pathlib import Path

import pytest

from tests.faults.publication_points import run_inline
from tests.runs import assert_same_results

# What is damaged, and what has to be made again so that a run comes to read it.
COMPARED = ["moments", "profiles", "replicates", "measures", "simple", "matches", "across"]
OF_MOMENTS = COMPARED[1:-1]
KINDS = {
    "networks/*/marker.json": ["activations", "examples", *COMPARED],
    "networks/*/*/weights.pt": ["activations", "examples", *COMPARED],
    "networks/*/*/training.json": [],
    "activations/*/marker.json": ["examples", *COMPARED],
    "activations/*/*/examples.json": ["examples", *COMPARED],
    "activations/*/*/activations/zarr.json": ["examples", *COMPARED],
    "activations/*/*/activations/c/*/*/*": ["examples", *COMPARED],
    "examples/*/marker.json": ["across"],
    "examples/*/*/arrays.npz": ["across"],
    "examples/*/*/first_components.npz": ["across"],
    "moments/*/marker.json": OF_MOMENTS,
    "moments/*/*/arrays.npz": OF_MOMENTS,
    "profiles/*/marker.json": [],
    "profiles/*/*/arrays.npz": [],
    "replicates/*/marker.json": ["matches"],
    "replicates/*/*/arrays.npz": ["matches"],
    "measures/*/marker.json": ["matches"],
    "measures/*/*/values.json": ["matches"],
    "simple/*/marker.json": [],
    "simple/*/*/simple.json": [],
    "matches/*/marker.json": [],
    "matches/*/*/rows.json": [],
    "across/*/marker.json": [],
    "across/*/*/tables.json": [],
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
    if not kind.startswith("studies"):
        (store / "studies/tiny/report.json").unlink()
    files = sorted(store.glob(kind))
    harmed = random_.choice(files)
    harm(harmed, random_)
    summary = run_inline(fault_study, store)
    assert summary.exit_code == 0, summary
    assert_same_results(store, clean)
    # What was wrong was found and said; a file of an artifact that is there again is another one.
    artifact = "/".join(harmed.relative_to(store).parts[:2])
    if not kind.startswith("studies") and not (harm is delete and kind.endswith("marker.json")):
        assert artifact in summary.repaired
