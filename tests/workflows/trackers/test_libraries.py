"""The built-in trackers, by what their own libraries read back from real local stores."""

from pathlib import Path

import pytest

from workflows.trackers import Results, Similarity, TrackedNetwork, TrackedStudy, Tracker

EPOCHS = {1: {"train_loss": 2.0, "test_accuracy": 0.5}, 2: {"train_loss": 1.0}}
MORE = {3: {"train_loss": 0.5, "test_accuracy": 0.75}}
NETWORK = TrackedNetwork(label="wide/seed 0", key="a1" * 32, settings={"seed": 0, "model": "mlp"})
FAILED = TrackedNetwork(label="wide/seed 1", key="b2" * 32, settings={"seed": 1})
SIMILARITIES = tuple(
    Similarity(
        group="wide – narrow",
        layer=f"layer{depth}",
        depth=depth,
        measure="maximum match similarity",
        epsilon=0.5,
        value=0.25 * depth,
        pairs=4,
    )
    for depth in (1, 2)
)
CURVE = "maximum match similarity, ε=0.5/wide – narrow"
RESULTS = Results(
    key="c3" * 32,
    similarities=SIMILARITIES,
    files={"report.html": b"<p>", "figures/a.svg": b"<svg/>"},
)


def study(folder: Path) -> TrackedStudy:
    return TrackedStudy(name="tiny", store=str(folder / "runs"), toml='name = "tiny"')


def logged_in_two_runs(make: type[Tracker], folder: Path) -> None:
    """A run that is stopped in training, and one that goes on and finds the results logged."""
    first = make(study(folder))
    assert first.last_epoch(NETWORK) == 0
    first.epochs(NETWORK, EPOCHS)
    first.results(RESULTS)
    first.close()
    second = make(study(folder))
    assert second.last_epoch(NETWORK) == 2
    second.epochs(NETWORK, MORE)
    second.finish(NETWORK, failed=False)
    second.finish(FAILED, failed=True)
    second.results(RESULTS)
    second.close()


def test_tensorboard_reads_each_epoch_once(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    from workflows.trackers.tensorboard import TensorBoard

    logged_in_two_runs(TensorBoard, tmp_path)
    events = EventMultiplexer()
    events.AddRunsFromDirectory(str(tmp_path / "runs/studies/tiny/tensorboard"))
    events.Reload()
    network, results = "wide_seed 0 a1a1a1a1", "results c3c3c3c3"
    assert set(events.Runs()) == {network, results}
    loss = [(event.step, event.value) for event in events.Scalars(network, "train_loss")]
    assert loss == [(1, 2.0), (2, 1.0), (3, 0.5)]
    assert [event.step for event in events.Scalars(network, "test_accuracy")] == [1, 3]
    (tag,) = events.Runs()[results]["scalars"]
    curve = [(event.step, event.value) for event in events.Scalars(results, tag)]
    assert tag.startswith("maximum match similarity")
    assert curve == [(1, 0.25), (2, 0.5)]
    (text,) = events.Tensors(results, "study/text_summary")
    assert b'name = "tiny"' in text.tensor_proto.string_val[0]


@pytest.mark.full
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # of MLflow's own queries
def test_mlflow_has_a_run_for_each_network_and_one_for_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    from workflows.trackers.mlflow import MLflow

    logged_in_two_runs(MLflow, tmp_path)
    client = MlflowClient()
    experiment = client.get_experiment_by_name("tiny")
    runs = {r.info.run_name: r for r in client.search_runs([experiment.experiment_id])}
    assert {name: run.info.status for name, run in runs.items()} == {
        "wide/seed 0": "FINISHED",
        "wide/seed 1": "FAILED",
        "results": "FINISHED",
    }
    network, results = runs["wide/seed 0"], runs["results"]
    assert network.data.params == {"seed": "0", "model": "mlp"}
    loss = client.get_metric_history(network.info.run_id, "train_loss")
    assert [(metric.step, metric.value) for metric in loss] == [(1, 2.0), (2, 1.0), (3, 0.5)]
    name = "maximum match similarity_ ε_0.5/wide – narrow/layer2".replace("–", "_")
    assert results.data.metrics[name] == 0.5
    assert len(client.get_metric_history(results.info.run_id, name)) == 1
    assert [file.path for file in client.list_artifacts(results.info.run_id)] == [
        "figures",
        "report.html",
    ]


def test_wandb_offline_has_a_run_for_each_network_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    import wandb

    from workflows.trackers.wandb import WeightsAndBiases

    tracker = WeightsAndBiases(study(tmp_path))
    assert tracker.last_epoch(NETWORK) == 0
    tracker.epochs(NETWORK, EPOCHS)
    tracker.finish(NETWORK, failed=False)
    tracker.finish(FAILED, failed=True)
    tracker.results(RESULTS)
    tracker.close()
    wandb.teardown()
    contents = [file.read_bytes() for file in tmp_path.glob("wandb/offline-run-*/*.wandb")]
    assert len(contents) == 3
    (network,) = [content for content in contents if b"wide/seed 0" in content]
    assert network.count(b"train_loss") >= 2
    assert sum(f"{CURVE}/layer2".encode() in content for content in contents) == 1
