"""What fails is said, and the rest is done."""

from pathlib import Path

import polars as pl
import pytest

from repsim.errors import ClusterError, TrainingError
from repsim.study import load_study
from tests.faults.publication_points import run_inline
from workflows import comparisons, networks
from workflows.plan import plan_study


def test_a_network_that_diverges_leaves_the_others_alone(
    study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = networks.prepare_network

    def diverging(location, spec, *arguments, **options):
        if spec.label == "seed 1":
            raise TrainingError("Expected finite numbers. Got NaN in the loss.")
        prepare(location, spec, *arguments, **options)

    monkeypatch.setattr(networks, "prepare_network", diverging)
    summary = run_inline(study_file, tmp_path / "runs")
    assert summary.exit_code == 3
    assert summary.failures == {"seed 1": "Expected finite numbers. Got NaN in the loss."}
    assert (summary.networks_made, summary.comparisons_made) == (2, 2)
    report = tmp_path / "runs" / "studies" / "tiny" / "report"
    assert pl.read_parquet(report / "networks.parquet")["status"].to_list() == [
        "done",
        "failed",
        "done",
    ]
    page = (report / "report.html").read_text()
    assert "seed 1: Expected finite numbers. Got NaN in the loss." in page
    assert "4 of 6 comparisons" in page


def test_what_failed_is_made_by_the_next_run(
    study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(networks, "prepare_network", lambda *a, **o: 1 / 0)
        assert run_inline(study_file, tmp_path / "runs").exit_code == 3
    summary = run_inline(study_file, tmp_path / "runs")
    assert (summary.exit_code, summary.failures, summary.networks_made) == (0, {}, 3)


def test_a_task_that_cannot_fit_is_refused_before_anything_starts(
    study_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_study(load_study(study_file))
    monkeypatch.setattr(comparisons, "task_memory", lambda client: 100 * 2**20)
    advice = r"Expected workers with at least .* GiB for each thread.*Start fewer workers"
    with pytest.raises(ClusterError, match=advice):
        comparisons.check_memory(None, list(plan.comparisons))
