"""Image models of Hugging Face transformers, as ``hf.TYPE`` with their configuration."""

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import torch
from torch import nn

from repsim.errors import StudyError
from repsim.extras import required
from repsim.inputs import InputSpec
from repsim.models.builder import Builder
from repsim.models.weights import State, first_line
from repsim.options import StrictOptions
from repsim.study import Model

__all__ = ["MODELS", "pretrained"]

PREFIX = "hf."
CLASSIFIER = "ForImageClassification"

# What a configuration says of its origin or of how it is loaded, and the names of the classes.
NOT_OF_THE_MODEL = {
    "_name_or_path",
    "transformers_version",
    "dtype",
    "torch_dtype",
    "id2label",
    "label2id",
    "model_type",
}


class HuggingFaceOptions(StrictOptions):
    """Options of a model of Hugging Face."""

    config: dict[str, Any]
    pooler: bool = True


class HuggingFaceModels(Mapping[str, Builder]):
    """The models by type. They are not listed: what they are, their weights' configuration says."""

    def __getitem__(self, name: str) -> Builder:
        kind = name.removeprefix(PREFIX)
        if kind == name:
            raise KeyError(name)

        def build(options: HuggingFaceOptions, inputs: InputSpec, outputs: int) -> nn.Module:
            del inputs, outputs
            config = _transformers().AutoConfig.for_model(kind, **options.config)
            arguments = {} if options.pooler else {"add_pooling_layer": False}
            network: nn.Module = _loader(config).from_config(
                config, dtype=torch.float32, **arguments
            )
            return network

        images = InputSpec(shape=(3, 224, 224))
        return Builder(options=HuggingFaceOptions, build=build, default_input=(images, 1000))

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


MODELS = HuggingFaceModels()


def pretrained(name: str) -> tuple[Model, State]:
    """The model and the weights of a repository or folder, from the cache or fetched.

    Code that a repository brings is never run.

    Raises
    ------
    StudyError
        When transformers is not installed, the weights cannot be fetched or lack some of the
        model's, or the model takes no images.
    """
    transformers = _transformers()
    try:
        config = transformers.AutoConfig.from_pretrained(name)
        loader = _loader(config)
        pooler = True
        network, found = _loaded(loader, name)
        if found["missing_keys"] and all("pooler." in key for key in found["missing_keys"]):
            # Weights of an encoder alone: with its pooler the model would have random ones.
            pooler = False
            network, found = _loaded(loader, name, add_pooling_layer=False)
    # The hub, the network and each model fail in ways of their own.
    except Exception as problem:
        raise StudyError(
            "Expected weights that Hugging Face has in its cache (HF_HOME), in a folder, or can "
            f"fetch. Got {name!r}: {first_line(problem)}."
        ) from problem
    missing = sorted(found["missing_keys"])
    if missing:
        raise StudyError(
            f"Expected all weights of {type(network).__name__} in {name!r}. Got none for "
            f"{', '.join(missing[:5])}{' and more' if len(missing) > 5 else ''}."
        )
    if network.main_input_name != "pixel_values":
        raise StudyError(
            f"Expected a model that takes images. Got {name!r}, whose {type(network).__name__} "
            f"takes {network.main_input_name}."
        )
    described = config.to_diff_dict()
    kept = {key: value for key, value in described.items() if key not in NOT_OF_THE_MODEL}
    if type(network).__name__.endswith(CLASSIFIER):
        kept["num_labels"] = config.num_labels
    output = "logits" if "num_labels" in kept else "last_hidden_state"
    options: dict[str, Any] = {"config": kept, "pooler": pooler}
    return Model(name=PREFIX + config.model_type, output=output, **options), network.state_dict()


def _loaded(loader: Any, name: str, **arguments: object) -> tuple[Any, dict[str, Any]]:
    network, found = loader.from_pretrained(
        name, dtype=torch.float32, output_loading_info=True, **arguments
    )
    return network, found


def _loader(config: Any) -> Any:
    """What builds the model with its classifier, if the configuration names one."""
    transformers = _transformers()
    names = config.architectures or []
    if any(name.endswith(CLASSIFIER) for name in names):
        return transformers.AutoModelForImageClassification
    return transformers.AutoModel


def _transformers() -> ModuleType:
    module = required("transformers", "huggingface", "which has the model")
    # Missing weights are told in an error of ours, not in a table on the terminal.
    module.utils.logging.set_verbosity_error()
    module.utils.logging.disable_progress_bar()
    return module
