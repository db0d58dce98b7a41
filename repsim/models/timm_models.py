"""Every image model of timm, as ``timm.NAME``, and the weights that timm publishes."""

import difflib
from collections.abc import Iterator, Mapping
from functools import partial
from types import ModuleType

from torch import nn

from repsim.errors import StudyError
from repsim.extras import required
from repsim.inputs import InputSpec
from repsim.models.builder import Builder
from repsim.models.weights import State, first_line
from repsim.options import StrictOptions
from repsim.study import Model

__all__ = ["MODELS", "pretrained"]

PREFIX = "timm."


class TimmOptions(StrictOptions):
    """Options of a model of timm."""

    num_classes: int | None = None


class TimmModels(Mapping[str, Builder]):
    """The models by name. They are not listed: there are a thousand, if timm is installed."""

    def __getitem__(self, name: str) -> Builder:
        bare = name.removeprefix(PREFIX)
        if bare == name:
            raise KeyError(name)
        _check_name(bare)
        return Builder(
            options=TimmOptions,
            build=partial(_build, bare),
            default_input=(InputSpec(shape=(3, 224, 224)), 1000),
        )

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


MODELS = TimmModels()


def pretrained(name: str) -> tuple[Model, State]:
    """The model and the weights that timm has under a name, from its cache or fetched.

    Raises
    ------
    StudyError
        When timm is not installed, does not know the name, or cannot fetch the weights.
    """
    _check_name(name)
    try:
        network = _timm().create_model(name, pretrained=True)
    # timm, its hub and the network each fail in a way of their own.
    except Exception as problem:
        raise StudyError(
            f"Expected weights that timm has in its cache (HF_HOME) or can fetch. Got {name!r}: "
            f"{first_line(problem)}."
        ) from problem
    options = {"num_classes": network.num_classes}
    return Model(name=PREFIX + name, **options), network.state_dict()


def _build(name: str, options: TimmOptions, inputs: InputSpec, outputs: int) -> nn.Module:
    del inputs
    count = outputs if options.num_classes is None else options.num_classes
    network: nn.Module = _timm().create_model(name, pretrained=False, num_classes=count)
    return network


def _check_name(name: str) -> None:
    timm = _timm()
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3, cutoff=0.4)
        hint = f" Near ones: {', '.join(near)}." if near else ""
        raise StudyError(f"Expected a model of timm. Got {name!r}.{hint}")


def _timm() -> ModuleType:
    return required("timm", "timm", "which has the model")
