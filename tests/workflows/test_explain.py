"""Why things are made: the sentence names the setting that was changed, and no other."""

import pytest

from repsim.stages.report import study_toml
from repsim.store import Artifact, Checkpoints
from repsim.study import parse_study
from workflows.explain import explain
from workflows.plan import plan_study
from workflows.state import survey_study


@pytest.fixture
def why(made_copy, tiny_study):
    """Reasons of the tiny study with overrides, after it was made as it is."""
    toml = study_toml(made_copy.plan.study).encode()
    made_copy.store.write("studies/tiny/study.toml", toml)

    def reasons(*overrides):
        plan = plan_study(parse_study(tiny_study, overrides))
        return [str(reason) for reason in explain(survey_study(plan, made_copy.store))]

    return reasons


def drop(store, artifact):
    store.delete(artifact.marker_path)


def test_of_what_is_complete_nothing_has_to_be_said(why):
    assert why() == []


def test_a_changed_learning_rate_is_named_with_both_values(why):
    assert why("training.learning_rate=0.1") == [
        "3 networks (seed 0, seed 1, seed 2): differs from the one trained before in "
        "training.learning_rate: 0.05 → 0.1",
        "6 layers: the network is trained first",
        "6 comparisons: a network of the pair is trained first",
    ]


def test_a_new_seed_trains_one_network(why):
    assert why("seeds=[0,1,2,7]") == [
        "1 network (seed 7): a new seed; seed 0 is there, with the same settings",
        "2 layers: the network is trained first",
        "6 comparisons: a network of the pair is trained first",
    ]


def test_of_several_that_are_near_the_one_with_the_same_seed_is_named(why):
    old, new, *_ = why("training.epochs=5", "seeds=[2,7]")
    assert old == (
        "1 network (seed 2): differs from the one trained before in training.epochs: 2 → 5"
    )
    assert new == (
        "1 network (seed 7): differs from the nearest in the store, seed 0, in "
        "training.epochs: 2 → 5"
    )


def test_options_of_data_and_model_are_settings_too(why):
    (first, *_) = why("model.width=0.3")
    assert first.endswith("in model.width: 0.2 → 0.3")
    (first, *_) = why("data.examples=61")
    assert first.endswith("in the content of the data")


def test_of_many_differences_some_are_named(why):
    changed = ("momentum=0.5", "epochs=3", "weight_decay=0.1", "batch_size=7", "keep=best")
    (first, *_) = why(*(f"training.{change}" for change in changed))
    assert first.endswith("training.keep: last → best, training.momentum: 0.9 → 0.5 and 1 more")


def test_of_another_model_nothing_like_it_is_there(why):
    (first, *_) = why("model={name='plain20'}", "capture.layers=['type:ReLU']")
    assert first == "3 networks (seed 0, seed 1, seed 2): nothing like it is in the store"


def test_a_network_of_which_the_marker_does_not_say_how_it_was_made_is_passed_over(why, made_copy):
    store = made_copy.store
    for spec in made_copy.plan.networks:
        drop(store, spec.artifact(store))
        draft = spec.artifact(store).draft()
        draft.publish({"network": spec.label})
    (first, *_) = why("training.epochs=5")
    assert first.endswith("nothing like it is in the store")


def test_changed_epsilons_cost_matches_alone(why):
    assert why("matching.epsilons=[0.3]") == [
        "6 comparisons: changed: matching.epsilons: [0.2, 0.5] → [0.3]; the profiles are there"
    ]


def test_centring_keeps_the_moments(why):
    assert why("matching.centred=true") == [
        "6 comparisons: changed: matching.centred: false → true; the moments are there"
    ]


def test_a_measure_more_is_a_change(why):
    (only,) = why("measures=[]")
    assert only.startswith("6 comparisons: changed: measures: [")
    assert only.endswith("→ []; the profiles are there")


def test_a_layer_that_was_never_captured_says_so(why):
    assert why("capture.layers=['features.relu4','classifier.relu1','features.relu1']") == [
        "3 layers: not captured of this network yet",
        "3 comparisons: the activations are captured first",
    ]


def test_other_settings_of_the_capture_are_named(why):
    first, second = why("capture.positions=2")
    assert first == "6 layers: captured otherwise before: capture.positions: all → 2"
    assert second == "6 comparisons: the activations are captured first"


def test_a_new_pair_was_not_compared_yet(why, made_copy):
    store, spec = made_copy.store, made_copy.plan.comparisons[0]
    for folder in (spec.moments_folder, spec.profile_folder, spec.folder):
        drop(store, Artifact.at(store, folder))
    assert why() == [f"1 comparison ({spec.label}): not compared yet"]


def test_damage_failure_and_checkpoints_come_before_settings(why, made_copy):
    store, (a, b, c) = made_copy.store, made_copy.plan.networks
    store.write(a.artifact(store).marker_path, b"{")
    drop(store, b.artifact(store))
    Checkpoints(store, b.key).save(b"an epoch", epoch=1)
    drop(store, c.artifact(store))
    store.write("studies/tiny/run-summary.json", b'{"failures": {"seed 2": "No."}}')
    assert why() == [
        "1 network (seed 0): damaged: removed and made again",
        "1 network (seed 1): goes on from its checkpoint",
        "1 network (seed 2): failed in the last run, and is tried again",
    ]


def test_without_a_study_that_was_run_nothing_has_changed(why, made_copy):
    made_copy.store.write("studies/tiny/study.toml", b"\xff")
    assert why("matching.epsilons=[0.3]") == ["6 comparisons: not compared yet"]
