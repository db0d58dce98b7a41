"""Snapshots of a study: what it takes, a run of one, and one that is added later."""

import polars as pl
import pytest

from repsim.errors import StudyError
from repsim.graph import Resources, Worker, run_batch
from repsim.stages.report import consolidate
from repsim.store import Artifact, Store
from repsim.study import parse_study
from workflows.explain import explain
from workflows.plan import plan_study
from workflows.state import survey_study

PAIRS = "pairs=['within','over training','same snapshot']"


def plan(text, *overrides):
    return plan_study(parse_study(text, ["seeds=[0,1]", *overrides]))


def run(planned, store):
    """Make what is missing, in this process; return what was made."""
    worker = Worker(resources=Resources(device="cpu", threads=1, loader_workers=0))
    nodes = survey_study(planned, store).nodes
    assert not run_batch(store, nodes, (), worker)
    return {folder for node in nodes for folder in node.folders}


@pytest.fixture(scope="module")
def made(tiny_study, tmp_path_factory):
    """A run with snapshots, and its store."""
    planned = plan(tiny_study, PAIRS, 'training.snapshots=["initial", {steps=[1]}, "best"]')
    store = Store(str(tmp_path_factory.mktemp("snapshots") / "runs"))
    run(planned, store)
    return planned, store


def test_each_snapshot_is_compared_with_its_network_and_with_the_others(made):
    planned, _ = made
    assert [spec.label for spec in planned.snapshots if spec.network.seed.label == "0"] == [
        "seed 0 at initial",
        "seed 0 at step 1",
        "seed 0 at best",
    ]
    assert planned.pairs[0] == ("seed 0", "seed 1")
    assert ("seed 0 at initial", "seed 0") in planned.pairs
    assert ("seed 0 at step 1", "seed 1 at step 1") in planned.pairs
    assert len(planned.pairs) == 1 + 2 * 3 + 3
    # Every layer against every other is for networks as they are kept.
    assert all(
        " at " not in layer.network.label for spec in planned.across for layer in spec.layers
    )


def test_snapshots_leave_the_keys_of_networks_as_they_are(made, tiny_study):
    planned, _ = made
    assert [spec.key for spec in planned.networks] == [s.key for s in plan(tiny_study).networks]
    assert len({spec.key for spec in (*planned.networks, *planned.snapshots)}) == 8


def test_a_run_has_its_snapshots_in_the_tables_and_the_report(made):
    planned, store = made
    consolidate(store, planned, {})
    folder = f"studies/{planned.study.name}/report"
    results = pl.read_parquet(store.read(f"{folder}/results.parquet"))
    over = results.filter(pl.col("group") == "over training")
    assert set(over["snapshot_a"]) == {"initial", "step 1", "best"}
    assert over["snapshot_b"].null_count() == over.height
    assert set(over["step_a"]) == {0, 1, None}
    networks = pl.read_csv(store.read(f"{folder}/networks.csv"))
    assert networks.filter(network="seed 0 at initial").row(0, named=True)["epochs"] == 0
    best = networks.filter(network="seed 0 at best").row(0, named=True)
    training = pl.read_csv(store.read(f"{folder}/training.csv")).filter(network="seed 0")
    assert best["test_accuracy"] == training["test_accuracy"].max()
    page = store.read(f"{folder}/report.html").decode()
    assert "Layer settles at step" in page
    assert "2 networks" in page
    for figure in (
        "layers-by-step",
        "similarity-over-training",
        "similarity-between-networks-over-training",
    ):
        assert store.read(f"{folder}/figures/{figure}.svg")
    # The sections on networks leave snapshots out.
    summary = page[page.index("Similarity of each layer") : page.index("Over training")]
    assert "mean over pairs" not in summary


def test_a_snapshot_that_is_added_is_made_by_training_again(made, tiny_study):
    _, store = made
    before = plan(tiny_study, PAIRS, 'training.snapshots=["initial", {steps=[1]}, "best"]')
    weights = {s.label: s.artifact(store).read("weights.pt") for s in before.networks}
    added = plan(tiny_study, PAIRS, 'training.snapshots=["initial", {steps=[1, 2]}, "best"]')
    reasons = [str(reason) for reason in explain(survey_study(added, store))]
    assert reasons[0] == (
        "2 networks (seed 0, seed 1): trained again, for snapshots that are not there (step 2)"
    )
    folders = run(added, store)
    assert {folder.split("/")[0] for folder in folders} >= {"snapshots", "activations"}
    assert len([folder for folder in folders if folder.startswith("snapshots/")]) == 2
    assert not any(folder.startswith("networks/") for folder in folders)
    assert {s.label: s.artifact(store).read("weights.pt") for s in added.networks} == weights
    assert not store.sizes("checkpoints")
    assert not run(before, store)


def test_a_lost_snapshot_is_made_again_alone(made):
    planned, store = made
    lost = planned.snapshots[0]
    content = lost.artifact(store).read("weights.pt")
    Artifact.at(store, lost.folder).discard()
    assert run(planned, store) == {lost.folder}
    assert lost.artifact(store).read("weights.pt") == content


def test_pairs_of_snapshots_that_do_not_exist_are_refused(tiny_study):
    with pytest.raises(StudyError, match="Expected snapshots for pairs"):
        plan(tiny_study, PAIRS)
    with pytest.raises(StudyError, match=r"Got epoch 99 in training\.snapshots"):
        plan(tiny_study, "training.snapshots=[99]")


def test_more_comparisons_than_allowed_are_refused_with_the_snapshots_counted(tiny_study):
    with pytest.raises(StudyError, match=r"fewer layers .*or snapshots"):
        plan(tiny_study, PAIRS, "training.snapshots='log'", "most_comparisons=8")
