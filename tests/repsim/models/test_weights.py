"""Weights that others saved: every form in which they are found, and what is refused."""

import argparse
import io
import pickle

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.models import build_model
from repsim.models.weights import fitted, read_state, state_digest

SHAPE = (1, 8, 8)


def build(classes=10):
    options = {"width": 0.2, "batch_norm": True}
    return build_model("small_cnn", options, inputs=InputSpec(shape=SHAPE), outputs=classes)


@pytest.fixture(scope="module")
def trained():
    """A state dict whose values half precision holds."""
    state = build().state_dict()
    return {key: torch.randn(v.shape).half().to(v.dtype) for key, v in state.items()}


def prefixed(state, prefix):
    return {prefix + key: value for key, value in state.items()}


def saved(value):
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return file


def fit(state, classes=10):
    return fitted(state, build, classes, model="small_cnn", name="a.pt")


def fit_file(value):
    return fit(read_state(saved(value), "a.pt"))[0]


def refused(call, *arguments):
    with pytest.raises(StudyError) as caught:
        call(*arguments)
    return str(caught.value)


BESIDE = {
    "epoch": 90,
    "best_acc1": torch.tensor(91.5),
    "args": argparse.Namespace(lr=0.1),
    "loss": np.float64(0.5),
    "optimizer": {"state": {0: {"momentum_buffer": torch.ones(2)}}, "param_groups": [{"lr": 0.1}]},
}


@pytest.mark.parametrize(
    "form",
    [
        lambda s: s,
        lambda s: {**BESIDE, "state_dict": s},
        lambda s: {**BESIDE, "model": prefixed(s, "module.")},
        lambda s: {"net": prefixed(s, "module._orig_mod."), "acc": 91.5, "epoch": 3},
        lambda s: {"model_state_dict": prefixed(s, "_orig_mod.")},
        lambda s: {"state_dict": prefixed(s, "model."), "hyper_parameters": {"lr": 1}},
        lambda s: {"state": {"step": 3}, "model": {"state_dict": s}},
        lambda s: {"model_ema": s, "epoch": 1},
        lambda s: {key: v.half() if v.is_floating_point() else v for key, v in s.items()},
        lambda s: {key: v.double() if v.is_floating_point() else v for key, v in s.items()},
        lambda s: {key: nn.Parameter(v, requires_grad=False) for key, v in s.items()},
        lambda s: {**s, "epoch": 3, "name": "a"},
    ],
    ids=range(12),
)
def test_every_form_gives_the_same_weights(trained, form):
    assert state_digest(fit_file(form(trained))) == state_digest(trained)


def test_safetensors_give_the_same_weights(trained, tmp_path):
    half = {key: v.half() if v.is_floating_point() else v for key, v in trained.items()}
    safetensors.torch.save_file(prefixed(half, "module."), tmp_path / "a.safetensors")
    state = read_state(tmp_path / "a.safetensors", "a.safetensors")
    assert state_digest(fit(state)[0]) == state_digest(trained)


def test_files_of_the_old_format_are_read(trained):
    file = io.BytesIO()
    torch.save(trained, file, _use_new_zipfile_serialization=False)
    file.seek(0)
    assert state_digest(fit(read_state(file, "a.pth"))[0]) == state_digest(trained)


def test_buffers_that_old_versions_did_not_save_may_be_missing(trained):
    old = {key: v for key, v in trained.items() if "num_batches_tracked" not in key}
    assert fit(old)[0].keys() == trained.keys()


def test_a_network_gets_the_logits_that_its_weights_have():
    state, outputs = fit(build(100).state_dict())
    assert outputs == 100
    build(100).load_state_dict(state)


def test_models_on_the_meta_device_are_given_all_weights(trained):
    def on_meta(classes):
        with torch.device("meta"):
            return build(classes)

    old = {key: v for key, v in trained.items() if "num_batches_tracked" not in key}
    state, _ = fitted(old, on_meta, 10, model="small_cnn", name="a.pt")
    assert {str(value.device) for value in state.values()} == {"cpu"}


def test_weights_that_do_not_fit_are_told_with_both_lists(trained):
    other = {"conv9.weight": torch.ones(2), **trained}
    del other["classifier.fc1.bias"]
    other["features.conv1.weight"] = torch.ones(3, 3)
    said = refused(fit, other)
    assert "Missing in the weights: classifier.fc1.bias. " in said
    assert "Unexpected in the weights: conv9.weight. " in said
    assert "features.conv1.weight (3, 3) float32 (the model has (" in said
    assert "in the weights: none." in refused(fit, {**trained, "a": torch.ones(1)})
    assert "and 15 more" in refused(fit, {f"a{i}": torch.ones(1) for i in range(20)})
    integers = {**trained, "classifier.fc1.bias": trained["classifier.fc1.bias"].to(torch.int8)}
    assert "int8 (the model has" in refused(fit, integers)


def test_weights_that_are_not_finite_are_refused(trained):
    bias = torch.full_like(trained["classifier.fc1.bias"], float("nan"))
    said = refused(fit, {**trained, "classifier.fc1.bias": bias})
    assert "Got NaN or infinity in 'classifier.fc1.bias'" in said


class Marked:
    """Writes down that it was unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("code of the file was run",))


@pytest.mark.parametrize(
    "value", [nn.Linear(2, 2), {"state_dict": {}, "x": Marked()}, [Marked()]], ids=range(3)
)
def test_code_is_never_unpickled(value):
    said = refused(read_state, saved(value), "a.pt")
    assert "weights are never unpickled with code" in said
    assert "save model.state_dict()" in said


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_archives_of_code_are_refused(tmp_path):
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / "a.pt")
    assert "never unpickled with code" in refused(read_state, tmp_path / "a.pt", "a.pt")


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "a.pt", "Copy or download the file again"),
        (b"<html>not found</html>", "a.pt", "a.pt"),
        (b"hello I am no checkpoint", "a.pt", "Got KeyError: 101."),
        (b"\x08\0\0\0\0\0\0\0{}", "a.safetensors", "torch.save or safetensors wrote in a.saf"),
        (pickle.dumps({"a": 1}), "a.pt", "a.pt"),
    ],
)
def test_what_is_no_file_of_weights_is_refused(content, name, said):
    assert said in refused(read_state, io.BytesIO(content), name)


@pytest.mark.parametrize(
    ("value", "said"),
    [({"epoch": 3, "lr": 0.1}, "a table with 'epoch', 'lr'"), (torch.ones(2), "Got a Tensor")],
)
def test_a_file_without_a_state_dict_is_refused(value, said):
    assert said in refused(read_state, saved(value), "a.pt")
