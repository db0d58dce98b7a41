"""Training and capturing one network: resumed, never repeated, and refused when it is unsound."""

import io
import pickle
import re
import textwrap
from dataclasses import replace

import numpy as np
import pytest
import torch

from repsim.data import load_data
from repsim.errors import CaptureError, IntegrityError, PreemptedError, TrainingError
from repsim.models import build_model
from repsim.own_code import OwnCode
from repsim.store import Activations, Checkpoints, Store
from repsim.study import load_study
from tests.repsim.stages.preparing import CPU, prepare_network
from tests.repsim.training.rank_processes import prepared, rank_processes
from workflows.plan import plan_study


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "runs"))


@pytest.fixture
def work(study_file):
    """The first network of the tiny study with its layers, after overrides."""

    def first(*overrides):
        plan = plan_study(load_study(study_file, overrides))
        spec = plan.networks[0]
        return spec, plan.layers[spec.label]

    return first


def weights(store, spec):
    content = io.BytesIO(spec.artifact(store).read("weights.pt"))
    return torch.load(content, weights_only=True)


def times(store):
    return {path: (store.root / path).stat().st_mtime_ns for path in store.sizes("")}


def test_a_network_is_trained_and_its_layers_are_captured(made):
    spec = made.plan.networks[0]
    record = spec.record(made.store)
    assert [epoch["epoch"] for epoch in record["history"]] == [1, 2]
    assert record["kept_epoch"] == 2
    assert (record["device"], record["world_size"]) == ("cpu", 1)
    assert record["parameters"] == sum(v.numel() for v in weights(made.store, spec).values())
    assert made.store.sizes("checkpoints") == {}


def test_activations_are_what_the_trained_network_puts_out(made):
    spec = made.plan.networks[1]
    source = load_data(spec.data.name, spec.data.options)
    model = build_model(spec.model.name, spec.model.options, inputs=source.inputs, outputs=3)
    model.load_state_dict(weights(made.store, spec))
    model.eval()
    indices = np.arange(len(source.test))
    batches = source.test.batches(
        indices, batch_size=99, augmentation=None, device=torch.device("cpu")
    )
    with torch.inference_mode():
        images = next(batches)[0]
        maps = model.features(images)
        units = model.classifier.relu1(model.classifier.fc1(maps.flatten(1)))
    expected = {
        "features.relu4": maps.flatten(2).transpose(1, 2).reshape(-1, maps.shape[1]),
        "classifier.relu1": units,
    }
    for layer in made.plan.layers[spec.label]:
        stored = Activations(made.store, layer.key)
        assert stored.shape == (layer.examples, layer.positions, layer.neurons)
        assert set(stored.ids) == set(source.test.ids)
        rows = np.concatenate(list(stored.blocks(0, layer.examples, 16)))
        order = [source.test.ids.index(name) for name in stored.ids]
        whole = expected[layer.layer].numpy().reshape(layer.examples, layer.positions, -1)
        np.testing.assert_allclose(rows, whole[order].reshape(rows.shape), rtol=1e-4, atol=1e-5)


def test_activations_keep_the_true_class_of_examples_with_random_labels(work, store):
    spec, layers = work("data.random_labels=1", "data.transform_seed=7", 'capture.split="train"')
    prepare_network(store, spec, layers[:1], CPU)
    train = load_data(spec.data.name, spec.data.options).train
    stored = Activations(store, layers[0].key)
    rows = [train.ids.index(name) for name in stored.ids]
    np.testing.assert_array_equal(stored.labels, train.true_labels[rows])
    assert (train.targets != train.true_labels).mean() > 0.5


def test_every_network_is_asked_about_the_same_examples(made):
    ids = {Activations(made.store, group[0].key).ids for group in made.plan.layers.values()}
    assert len(ids) == 1


def test_a_sample_of_the_examples_keeps_their_ids(work, made_copy):
    store = made_copy.store
    spec, layers = work("capture.examples=15")
    prepare_network(store, spec, layers, CPU)
    whole = Activations(store, made_copy.plan.layers[spec.label][1].key)
    sample = Activations(store, layers[1].key)
    assert len(set(sample.ids)) == 15
    assert sample.ids == whole.ids[:15] != tuple(sorted(sample.ids))
    rows = next(whole.blocks(0, 40, 40))[[whole.ids.index(name) for name in sample.ids]]
    np.testing.assert_allclose(next(sample.blocks(0, 15, 15)), rows, rtol=1e-5, atol=1e-6)


def test_what_is_there_is_left_alone(made_copy, monkeypatch):
    def never(*arguments):
        raise AssertionError("the data are not needed")

    monkeypatch.setattr("repsim.data.load_data", never)
    before = times(made_copy.store)
    spec = made_copy.plan.networks[0]
    prepare_network(made_copy.store, spec, made_copy.plan.layers[spec.label], CPU)
    assert times(made_copy.store) == before


def test_only_a_missing_layer_is_captured_again(made_copy, monkeypatch):
    store, spec = made_copy.store, made_copy.plan.networks[0]
    first, second = made_copy.plan.layers[spec.label]
    before = list(Activations(store, second.key).blocks(0, second.examples, 40))
    store.delete(second.artifact(store).marker_path)
    kept = times(store)

    def never(*arguments, **options):
        raise AssertionError("trained again")

    monkeypatch.setattr("repsim.training.train", never)
    prepare_network(store, spec, (first, second), CPU)
    new = times(store)
    assert {path: new[path] for path in kept} == kept
    assert {path.split("/")[1] for path in new.keys() - kept.keys()} == {second.key}
    after = list(Activations(store, second.key).blocks(0, second.examples, 40))
    np.testing.assert_array_equal(before, after)


def test_progress_is_told_from_the_first_epoch_to_the_last_example(work, store):
    told = []
    spec, layers = work()
    prepare_network(store, spec, layers, CPU, report=told.append)
    assert [(s.name, s.done, s.total) for s in told] == [
        ("training", 0, 2),
        ("training", 1, 2),
        ("training", 2, 2),
        ("capturing", 40, 40),
    ]
    assert {stage.network for stage in told} == {"seed 0"}
    assert told[0].score is None
    assert told[2].score == spec.record(store)["history"][-1]["test_score"]


def test_a_stopped_training_goes_on_to_the_same_weights(work, store, made):
    spec, layers = work()
    told = []
    with pytest.raises(PreemptedError, match="run the same command again to go on"):
        prepare_network(
            store,
            spec,
            layers,
            CPU,
            report=told.append,
            should_stop=lambda: told[-1].done == 1,
        )
    assert not spec.artifact(store).exists()
    assert Checkpoints(store, spec.key).load()
    told.clear()
    prepare_network(store, spec, layers, CPU, report=told.append)
    assert ("training", 1) not in {(stage.name, stage.done) for stage in told}
    assert Checkpoints(store, spec.key).load() == []
    undisturbed = weights(made.store, spec)
    for name, tensor in weights(store, spec).items():
        assert torch.equal(tensor, undisturbed[name]), name


def test_of_several_processes_the_first_publishes_and_captures(work, store):
    spec, layers = work()
    with rank_processes() as each:
        told, _ = each(prepared, store, spec, layers)
        assert [stage.name for stage in told] == ["training"] * 3 + ["capturing"]
        assert spec.record(store)["world_size"] == 2
        assert store.sizes("checkpoints") == {}
        for made in (spec, *layers):
            folder = store.root / made.artifact(store).kind / made.key
            assert len([path for path in folder.iterdir() if path.is_dir()]) == 1
        before = times(store)
        assert each(prepared, store, spec, layers) == [[], []]
        assert times(store) == before
        # Only the first looks for layers, and needs nobody to capture them.
        store.delete(layers[0].artifact(store).marker_path)
        told, others = each(prepared, store, spec, layers)
        assert ([stage.name for stage in told], others) == (["capturing"], [])


def test_a_damaged_checkpoint_costs_an_epoch_and_not_the_result(work, store, made):
    spec, layers = work()
    told = []
    with pytest.raises(PreemptedError):
        prepare_network(
            store,
            spec,
            layers,
            CPU,
            report=told.append,
            should_stop=lambda: told[-1].done == 1,
        )
    newest = list(store.sizes("checkpoints"))[-1]
    store.write(newest, store.read(newest)[:-1] + b"?")
    prepare_network(store, spec, layers, CPU)
    undisturbed = weights(made.store, spec)
    assert all(torch.equal(v, undisturbed[k]) for k, v in weights(store, spec).items())


def test_a_training_that_diverges_is_an_error_that_says_what_to_change(work, store):
    spec, layers = work("training.learning_rate=1e30")
    with pytest.raises(TrainingError, match=r"NaN or infinity .*Lower training\.learning_rate"):
        prepare_network(store, spec, layers, CPU)
    assert not spec.artifact(store).exists()
    assert not layers[0].artifact(store).exists()


OWN_MODEL = """
from torch import nn

class Loud(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.first = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
        self.loud = nn.Hardtanh(1e5, 2e5)
        self.head = nn.Linear(4, classes)

    def forward(self, images):
        return self.head(self.loud(self.first(images)) * 1e-5)

def build(*, inputs, outputs):
    return Loud(outputs)
"""


def test_a_layer_that_is_not_finite_fails_alone(work, store, tmp_path, monkeypatch):
    (tmp_path / "own_model_of_this_test.py").write_text(textwrap.dedent(OWN_MODEL))
    monkeypatch.syspath_prepend(tmp_path)
    overrides = (
        "model={name='own_model_of_this_test:build'}",
        "capture.layers=['loud', 'head']",
        "capture.dtype=float16",
    )
    spec, layers = work(*overrides)
    for attempt in range(2):
        with pytest.raises(CaptureError) as caught:
            prepare_network(store, spec, layers, CPU)
        loud = next(layer for layer in layers if layer.layer == "loud")
        assert set(caught.value.artifacts) == {loud.folder}
        said = caught.value.artifacts[loud.folder]
        assert re.fullmatch(
            r"Expected finite.*layer loud.*test/.*capture\.dtype to float32\.", said
        )
        assert spec.artifact(store).exists()
        there = {layer.layer: layer.artifact(store).exists() for layer in layers}
        assert there == {"loud": False, "head": True}, attempt
    stored = Activations(store, layers[1].key)
    assert len(np.concatenate(list(stored.blocks(0, 40, 16)))) == 40


def test_why_layers_failed_travels_between_processes():
    error = pickle.loads(pickle.dumps(CaptureError({"a": "No.", "b": "Nor this."})))
    assert (error.artifacts, str(error)) == ({"a": "No.", "b": "Nor this."}, "No. Nor this.")
    assert error.exit_code == 3


def test_other_data_on_this_node_than_were_planned_are_refused(work, store):
    spec, layers = work()
    planned = replace(spec, fingerprint="0" * 64)
    with pytest.raises(
        IntegrityError, match="Expected the data 'synthetic' as it was when the run"
    ):
        prepare_network(store, planned, layers, CPU)
    assert store.sizes("") == {}


def test_a_model_with_other_parameters_than_were_planned_is_refused(work, store):
    spec, layers = work()
    planned = replace(spec, structure="0" * 64)
    with pytest.raises(IntegrityError, match=r"'small_cnn' with the parameters .* same packages"):
        prepare_network(store, planned, layers, CPU)
    assert store.sizes("networks") == {}


@pytest.fixture
def own_work(work, tmp_path, monkeypatch):
    """The first network of a study with a model of its own, and its layers."""
    (tmp_path / "own_model_of_this_test.py").write_text(textwrap.dedent(OWN_MODEL))
    monkeypatch.syspath_prepend(tmp_path)
    return work("model={name='own_model_of_this_test:build'}", "capture.layers=['head']")


def test_other_code_on_this_node_than_was_planned_is_refused(own_work, store):
    spec, layers = own_work
    planned = replace(spec, model_code=OwnCode(files=(("other.py", "0"),)))
    message = r"code of 'own_model_of_this_test:build' as .* other.py, own_model_of_this_test.py"
    with pytest.raises(IntegrityError, match=message):
        prepare_network(store, planned, layers, CPU)
    assert store.sizes("") == {}


def test_the_key_of_earlier_code_is_never_given_to_what_this_code_trains(own_work, store):
    spec, layers = own_work
    planned = replace(spec, model_code=replace(spec.model_code, stands_for="0" * 16))
    with pytest.raises(IntegrityError, match=r"seed 0 of the code 0{16} that the study accepts"):
        prepare_network(store, planned, layers, CPU)
    assert store.sizes("") == {}


def test_damaged_weights_are_never_captured(made_copy):
    store, spec = made_copy.store, made_copy.plan.networks[0]
    layer = made_copy.plan.layers[spec.label][0]
    store.delete(layer.artifact(store).marker_path)
    path = spec.artifact(store).path(spec.artifact(store).marker(), "weights.pt")
    content = bytearray(store.read(path))
    content[len(content) // 2] ^= 1
    store.write(path, bytes(content))
    with pytest.raises(IntegrityError, match=r"Got other bytes at .*weights\.pt"):
        prepare_network(store, spec, [layer], CPU)
    assert not layer.artifact(store).exists()
