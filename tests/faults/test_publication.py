"""SIGKILL at every point at which a run changes the store: running again gives the same tables."""

import signal
from pathlib import Path

import pytest

from tests.faults.forks import fork
from tests.faults.publication_points import run_and_die, run_inline, visiting
from tests.runs import assert_same_results

CHANGES = (
    "write studies/tiny/study.toml",
    "write studies/tiny/keys.json",
    "write checkpoints/checkpoint",
    "write networks/weights.pt",
    "write networks/training.json",
    "create networks/marker.json",
    "clear checkpoints/",
    "set zarr.json",
    "set shard",
    "write activations/examples.json",
    "write activations/labels.json",
    "write activations/origin.npz",
    "create activations/marker.json",
    "write examples/arrays.npz",
    "write examples/first_components.npz",
    "create examples/marker.json",
    "write across/tables.json",
    "create across/marker.json",
    "write tiles/group.npz",
    "write tiles/null.npz",
    "create tiles/marker.json",
    "write resamples/group.npz",
    "write resamples/null.npz",
    "create resamples/marker.json",
    "write moments/arrays.npz",
    "create moments/marker.json",
    "write profiles/arrays.npz",
    "create profiles/marker.json",
    "write replicates/arrays.npz",
    "create replicates/marker.json",
    "write measures/values.json",
    "create measures/marker.json",
    "write simple/simple.json",
    "create simple/marker.json",
    "delete simple/marker.json",
    "clear simple/",
    "write matches/ranks.npz",
    "write matches/rows.json",
    "create matches/marker.json",
    "delete resamples/marker.json",
    "clear resamples/",
    "delete tiles/marker.json",
    "clear tiles/",
    "write studies/tiny/report/*",
    "write studies/tiny/report.json",
    "write studies/tiny/run-summary.json",
)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, fault_study: Path) -> tuple[Path, list[str]]:
    """A run that nothing disturbed, and the points that it came to."""
    store = tmp_path_factory.mktemp("clean") / "runs"
    points: dict[str, None] = {}
    with visiting(points.setdefault):
        run_inline(fault_study, store)
    return store, list(points)


def test_no_point_is_forgotten(clean: tuple[Path, list[str]]) -> None:
    assert set(clean[1]) == {f"{change} {when}" for change in CHANGES for when in BOTH}


BOTH = ("before", "after")


@pytest.mark.parametrize("when", BOTH)
@pytest.mark.parametrize("change", CHANGES)
def test_a_kill_loses_nothing(
    change: str, when: str, clean: tuple[Path, list[str]], fault_study: Path, tmp_path: Path
) -> None:
    store = tmp_path / "runs"
    process = fork(run_and_die, fault_study, store, f"{change} {when}")
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert run_inline(fault_study, store).exit_code == 0
    assert_same_results(store, clean[0])
