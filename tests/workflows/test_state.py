"""What of a study is there, stage by stage."""

from dataclasses import replace

import pytest

from repsim.stages import activations, comparison
from repsim.stages.report import consolidate
from repsim.store import Artifact, Checkpoints, Store
from repsim.study import load_study
from workflows.plan import plan_study
from workflows.state import last_failures, study_state, survey_study
from workflows.summary import RunSummary, write_summary


def state(made, store=None):
    return {
        stage.name: stage for stage in study_state(survey_study(made.plan, store or made.store))
    }


def counts(stage):
    return (stage.done, stage.missing, stage.partial, len(stage.corrupt), stage.failed)


def test_of_a_study_that_was_never_run_everything_is_missing(made, tmp_path):
    store = Store(str(tmp_path / "none"))
    stages = state(made, store)
    assert list(stages) == [
        "networks",
        "activations",
        "moments",
        "profiles",
        "replicates",
        "measures",
        "matches",
        "report",
    ]
    assert [stage.total for stage in stages.values()] == [3, 6, 6, 6, 6, 6, 6, 1]
    assert all(stage.missing == stage.total for stage in stages.values())
    sizes = sum(layer.bytes for group in made.plan.layers.values() for layer in group)
    assert stages["activations"].bytes_to_make == sizes
    assert not store.root.exists()


def test_of_a_study_that_is_complete_nothing_is_missing(made_copy):
    assert counts(state(made_copy)["report"]) == (0, 1, 0, 0, 0)
    consolidate(made_copy.store, made_copy.plan, {})
    for stage in state(made_copy).values():
        assert counts(stage) == (stage.total, 0, 0, 0, 0)
        assert stage.bytes_to_make == 0


def test_a_network_in_training_is_partial(made_copy):
    store, spec = made_copy.store, made_copy.plan.networks[1]
    store.delete(spec.artifact(store).marker_path)
    assert counts(state(made_copy)["networks"]) == (2, 1, 0, 0, 0)
    Checkpoints(store, spec.key).save(b"an epoch", epoch=1)
    assert counts(state(made_copy)["networks"]) == (2, 0, 1, 0, 0)


@pytest.mark.parametrize("content", [b"", b"{}", b"not json"])
def test_a_marker_that_cannot_be_read_is_corrupt_and_named(made_copy, content):
    store = made_copy.store
    spec = made_copy.plan.comparisons[2]
    store.write(f"{spec.folder}/marker.json", content)
    stage = state(made_copy)["matches"]
    assert counts(stage) == (5, 0, 0, 1, 0)
    assert spec.folder in stage.corrupt[0]


def test_a_network_in_training_says_in_which_epoch_it_is(made_copy, monkeypatch):
    store, (spec, other, third) = made_copy.store, made_copy.plan.networks
    for network in (spec, other, third):
        store.delete(network.artifact(store).marker_path)
    Checkpoints(store, spec.key).save(b"older", epoch=2)
    Checkpoints(store, spec.key).save(b"newer", epoch=1)
    Checkpoints(store, other.key).save(b"after the last", epoch=3)
    store.write(f"checkpoints/{third.key}/000000004-{'a' * 32}.pt", b"without an epoch")
    reads = []
    monkeypatch.setattr(Store, "read", lambda store, path: reads.append(path))
    begun = survey_study(made_copy.plan, store).begun
    assert [str(one) for one in begun] == [
        "seed 0: in epoch 1 of 2",
        "seed 1: in epoch 2 of 2",
        "seed 2: a checkpoint is there",
    ]
    assert not [path for path in reads if path.startswith("checkpoints")]


def test_moments_of_some_examples_are_partial(made_copy, monkeypatch):
    monkeypatch.setattr(comparison, "OPERATIONS_PER_TASK", 1.0)
    monkeypatch.setattr(activations, "examples_per_file", lambda *a, **k: (20, 20))
    study = replace(made_copy, plan=plan_study(load_study(made_copy.file)))
    store, spec = study.store, study.plan.comparisons[0]
    for folder in (spec.moments_folder, spec.profile_folder, spec.folder):
        store.delete(f"{folder}/marker.json")
    assert counts(state(study)["moments"]) == (5, 1, 0, 0, 0)
    tile = study.plan.tiles[0]
    assert len(tile.example_ranges) > 1
    Artifact.at(store, tile.part_folder(*tile.example_ranges[0])).draft().publish()
    assert counts(state(study)["moments"]) == (5, 0, 1, 0, 0)


def to_make(made):
    return {name: stage.to_make for name, stage in state(made).items()}


def test_what_nothing_needs_any_more_is_missing_but_not_to_be_made(made_copy):
    store = made_copy.store
    consolidate(store, made_copy.plan, {})
    layer = made_copy.plan.layers["seed 0"][0]
    store.delete(layer.artifact(store).marker_path)
    assert counts(state(made_copy)["activations"]) == (5, 1, 0, 0, 0)
    assert set(to_make(made_copy).values()) == {0}
    spec = made_copy.plan.comparisons[0]
    store.delete(f"{spec.profile_folder}/marker.json")
    assert to_make(made_copy) == {
        "networks": 0,
        "activations": 1,
        "moments": 0,
        "profiles": 1,
        "replicates": 0,
        "measures": 0,
        "matches": 0,
        "report": 1,
    }


def failed(store, failures):
    write_summary(store, RunSummary(study="tiny", failures=failures))


def test_what_failed_in_the_last_run_is_not_called_missing(made_copy):
    store, spec = made_copy.store, made_copy.plan.networks[2]
    store.delete(spec.artifact(store).marker_path)
    failed(store, {"seed 2": "Expected finite numbers."})
    assert counts(state(made_copy)["networks"]) == (2, 0, 0, 0, 1)
    assert last_failures(store, "tiny") == {"seed 2": "Expected finite numbers."}
    Checkpoints(store, spec.key).save(b"an epoch", epoch=1)
    assert counts(state(made_copy)["networks"]) == (2, 0, 0, 0, 1)


def test_a_failure_that_was_made_good_is_done(made_copy):
    failed(made_copy.store, {"seed 2": "Expected finite numbers."})
    assert counts(state(made_copy)["networks"]) == (3, 0, 0, 0, 0)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"failures": 3}', b"\xff"])
def test_a_summary_that_cannot_be_read_is_no_failure(made_copy, content):
    made_copy.store.write("studies/tiny/run-summary.json", content)
    assert last_failures(made_copy.store, "tiny") == {}
    assert last_failures(made_copy.store, "never run") == {}
