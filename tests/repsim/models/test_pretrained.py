"""Weights that libraries publish, through their own loaders, from files in their caches."""

import sys

import huggingface_hub
import pytest
import safetensors.torch
import timm
import torch
import torchvision
import transformers

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.models import build_model, pretrained
from repsim.models.weights import fitted, state_digest
from repsim.study.given import implied_model

VIT = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "image_size": 32,
    "patch_size": 16,
    "num_labels": 7,
}


def rebuilt(model, state, classes=10):
    """The model as a worker makes it, with the weights."""

    def build(outputs):
        return build_model(
            model.name,
            model.options,
            inputs=InputSpec(shape=(3, 32, 32)),
            outputs=outputs,
            output=model.output,
        )

    loaded, outputs = fitted(state, build, classes, model=model.name, name="it")
    network = build(outputs)
    network.load_state_dict(loaded)
    return network.eval()


def test_models_of_torchvision_follow_from_the_names_of_their_weights():
    models = torchvision.models
    for name in models.list_models(module=models):
        weights = models.get_model_weights(name).__name__
        assert implied_model(f"torchvision:{weights}.DEFAULT") == f"torchvision.{name}"


def test_torchvision_reads_its_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    published = torchvision.models.squeezenet1_1()
    url = torchvision.models.SqueezeNet1_1_Weights.DEFAULT.url
    torch.save(published.state_dict(), folder / url.rpartition("/")[2])
    model, state = pretrained("torchvision", "SqueezeNet1_1_Weights.IMAGENET1K_V1")
    assert model.name == "torchvision.squeezenet1_1"
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(rebuilt(model, state)(images), published.eval()(images))


def test_timm_reads_its_cache(tmp_path, monkeypatch):
    published = timm.create_model("test_resnet")
    where = timm.get_pretrained_cfg("test_resnet.r160_in1k")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    folder = tmp_path / f"models--{where.hf_hub_id.replace('/', '--')}"
    commit = "0" * 40
    (folder / "snapshots" / commit).mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit)
    file = folder / "snapshots" / commit / "model.safetensors"
    safetensors.torch.save_file(published.state_dict(), file)
    model, state = pretrained("timm", "test_resnet.r160_in1k")
    assert model.name == "timm.test_resnet.r160_in1k"
    assert model.options == {"num_classes": 1000}
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(rebuilt(model, state)(images), published.eval()(images))


def test_hugging_face_reads_a_folder_with_a_classifier(tmp_path):
    published = transformers.ViTForImageClassification(transformers.ViTConfig(**VIT)).eval()
    published.half().save_pretrained(tmp_path)
    model, state = pretrained("hf", str(tmp_path))
    assert (model.name, model.output) == ("hf.vit", "logits")
    assert str(tmp_path) not in model.model_dump_json()  # the folder is not in the key
    network, images = rebuilt(model, state), torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(network(images), published.float()(images).logits)


def test_an_encoder_without_a_pooler_has_no_random_one(tmp_path):
    config = transformers.ViTConfig(**VIT)
    published = transformers.ViTModel(config, add_pooling_layer=False).eval()
    published.save_pretrained(tmp_path)
    model, state = pretrained("hf", str(tmp_path))
    again = pretrained("hf", str(tmp_path))[1]
    assert state_digest(state) == state_digest(again)
    network, images = rebuilt(model, state), torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(network(images), published(images).last_hidden_state)


def test_models_of_text_are_refused(tmp_path):
    config = transformers.BertConfig(
        vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    )
    transformers.BertModel(config).save_pretrained(tmp_path)
    with pytest.raises(StudyError, match=r"takes images.*whose BertModel takes input_ids"):
        pretrained("hf", str(tmp_path))


@pytest.mark.parametrize(
    ("library", "name", "said"),
    [
        ("torchvision", "ResNet18_Weights.IMAGENET1K_V3", "Did you mean 'ResNet18_Weights.IMAGEN"),
        ("torchvision", "ResNet18_Weight.DEFAULT", "Near ones: ResNet18_Weights"),
        ("torchvision", "FCN_ResNet50_Weights.DEFAULT", "weights of a classification model"),
        ("timm", "resnet18x", "Expected a model of timm. Got 'resnet18x'. Near ones: resnet18"),
    ],
)
def test_an_unknown_name_is_answered_with_near_ones(library, name, said):
    with pytest.raises(StudyError, match=said):
        pretrained(library, name)


def test_what_cannot_be_read_is_named_with_the_place(tmp_path):
    with pytest.raises(StudyError, match=r"Expected weights that Hugging Face has .*HF_HOME"):
        pretrained("hf", str(tmp_path))


@pytest.mark.parametrize(
    ("library", "module", "extra"),
    [("timm", "timm", "timm"), ("hf", "transformers", "huggingface")],
)
def test_a_library_that_is_missing_is_named_with_how_to_install_it(
    library, module, extra, monkeypatch
):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(StudyError, match=rf"pip install 'repsim-workflows\[{extra}\]'"):
        pretrained(library, "resnet18")
