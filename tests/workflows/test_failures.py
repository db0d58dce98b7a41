"""What fails is said, and the rest is done."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cluster.dask_cluster import WorkerSize
from cluster.profile import load_profile
from repsim import model_layers
from repsim.errors import ClusterError, TrainingError
from repsim.stages import activations, training
from repsim.store import Store
from repsim.study import load_study
from tests.faults.publication_points import Silent, run_inline
from workflows.engines import dask, ray
from workflows.explain import explain
from workflows.plan import plan_study
from workflows.run import make_networks, run_study
from workflows.state import study_state, survey_study


def test_a_network_that_diverges_leaves_the_others_alone(
    study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = training.train_network

    def diverging(spec, *arguments):
        if spec.label == "seed 1":
            raise TrainingError("Expected finite numbers. Got NaN in the loss.")
        train(spec, *arguments)

    monkeypatch.setattr(training, "train_network", diverging)
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


@pytest.fixture
def one_layer_is_not_finite(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The first layer of the second network."""
    layers, blocks_of = activations.capture_layers, model_layers.capture_blocks
    label = ""

    def named(spec, *arguments):
        nonlocal label
        label = spec.label
        layers(spec, *arguments)

    def captured(*arguments, **options):
        for rows, blocks in blocks_of(*arguments, **options):
            if label == "seed 1" and "features.relu4" in blocks:
                blocks["features.relu4"][3, 2, 1] = np.nan
            yield rows, blocks

    with monkeypatch.context() as patch:
        patch.setattr(activations, "capture_layers", named)
        patch.setattr(model_layers, "capture_blocks", captured)
        yield


@pytest.mark.usefixtures("one_layer_is_not_finite")
def test_a_layer_that_is_not_finite_leaves_the_others_of_its_network_alone(
    study_file: Path, tmp_path: Path
) -> None:
    study_file.write_text(study_file.read_text().replace("examples = 0", "examples = 20"))
    summary = run_inline(study_file, tmp_path / "runs")
    assert summary.exit_code == 3
    (label,) = summary.failures
    assert label == "seed 1, features.relu4"
    assert summary.failures[label].startswith(
        "Expected finite activations of type float32 in layer"
    )
    # Three pairs of the other layer, one of this; across layers, each network and each pair.
    assert (summary.networks_made, summary.comparisons_made) == (3, 4 + 6)
    report = tmp_path / "runs" / "studies" / "tiny" / "report"
    assert pl.read_parquet(report / "networks.parquet")["status"].to_list() == ["done"] * 3
    compared = pl.read_parquet(report / "results.parquet")
    pairs = compared.unique(["network_a", "network_b", "layer"]).group_by("layer").len()
    assert dict(pairs.iter_rows()) == {"features.relu4": 1, "classifier.relu1": 3}
    page = (report / "report.html").read_text()
    assert f"{label}: Expected finite activations" in page
    assert "2 of 6 comparisons (a layer of a pair) are missing" in page
    assert "3 of 6 comparisons across layers are without the layers that failed" in page
    across = pl.read_parquet(report / "across.parquet")
    assert set(across.filter(pl.col("network_a") == "seed 1")["layer_a"]) == {"classifier.relu1"}
    assert set(across.filter(pl.col("network_a") == "seed 0")["layer_a"]) == set(compared["layer"])
    plan, store = plan_study(load_study(study_file)), Store(str(tmp_path / "runs"))
    stages = {stage.name: stage for stage in study_state(survey_study(plan, store))}
    assert (stages["networks"].failed, stages["activations"].failed) == (0, 1)
    assert stages["activations"].done == 5
    (reason,) = [r for r in explain(survey_study(plan, store)) if r.stage == "activations"]
    assert str(reason) == f"1 layer ({label}): failed in the last run, and is tried again"

    again = run_inline(study_file, tmp_path / "runs")
    assert (again.exit_code, list(again.failures)) == (3, [label])
    assert (again.networks_made, again.comparisons_made, again.report_made) == (0, 0, False)
    assert not again.did_nothing


@pytest.mark.usefixtures("one_layer_is_not_finite")
def test_the_jobs_of_a_batch_system_pass_on_which_layer_failed(
    study_file: Path, tmp_path: Path
) -> None:
    plan, store = plan_study(load_study(study_file)), Store(str(tmp_path / "runs"))
    given = (plan, store, load_profile("local"), "inline", Silent())
    made = make_networks(*given, (0, 1, 2))
    assert (made.exit_code, list(made.failures)) == (3, ["seed 1, features.relu4"])
    compared = run_study(*given, train=False)
    assert compared.failures == made.failures
    assert (compared.networks_made, compared.comparisons_made) == (0, 4)
    # Without what the jobs said, the reason is not known, but the layer is.
    lost = run_study(*given, train=False)
    assert list(lost.failures) == list(made.failures)
    assert "its job was killed or has not ended" in lost.failures["seed 1, features.relu4"]


def test_what_failed_is_made_by_the_next_run(
    study_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(training, "train_network", lambda *a: 1 / 0)
        assert run_inline(study_file, tmp_path / "runs").exit_code == 3
    # The error of somebody else comes with where it arose.
    assert "ZeroDivisionError: division by zero" in caplog.text
    assert "run_node" in caplog.text
    assert "NoneType: None" not in caplog.text
    summary = run_inline(study_file, tmp_path / "runs")
    assert (summary.exit_code, summary.failures, summary.networks_made) == (0, {}, 3)


def test_a_task_that_cannot_fit_is_refused_before_anything_starts(study_file: Path) -> None:
    plan = plan_study(load_study(study_file))
    nodes = [node for node in plan.graph.missing(()) if node.where == "match"]
    largest = max(node.memory for node in nodes)
    # Enough for the task alone, and for an empty worker alone.
    for memory in (100 * 2**20, largest + 2**20, 200 * 2**20):
        advice = (
            r"Expected workers with at least \d+MiB .* Got \d+MiB. Raise dask.memory_per_worker"
        )
        with pytest.raises(ClusterError, match=advice) as refused:
            dask.check_memory([WorkerSize(memory=memory, threads=1)], nodes)
    needed = int(str(refused.value).partition("at least ")[2].partition("MiB")[0]) * 2**20
    dask.check_memory([WorkerSize(memory=needed, threads=1)], nodes)
    dask.check_memory([WorkerSize(memory=None, threads=64)], nodes)
    with pytest.raises(ClusterError, match=r"2 thread\(s\)"):
        dask.check_memory([WorkerSize(memory=needed, threads=2)], nodes)


def test_local_workers_that_are_too_small_are_refused_before_any_training(
    study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*arguments: object) -> None:
        raise AssertionError("an engine was started")

    monkeypatch.setattr(ray, "ray_session", started)
    monkeypatch.setattr(dask, "dask_session", started)
    plan, store = plan_study(load_study(study_file)), Store(str(tmp_path / "runs"))
    profile = load_profile("local", ["dask.memory_per_worker=210MiB"])
    with pytest.raises(ClusterError, match="Expected workers with at least"):
        run_study(plan, store, profile, "cluster", Silent())
