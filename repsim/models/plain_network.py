"""A network as it is trained and captured: no wrappers, all parameters there, one tensor out."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.models.outputs import logits_of

__all__ = ["plain_network"]

_BATCH = 2


def plain_network(
    network: nn.Module, inputs: InputSpec, output: str | int | None = None
) -> nn.Module:
    """The network without wrappers, its lazy parameters drawn, and with one tensor for its output.

    ``torch.compile`` and ``DataParallel`` are taken off, wherever they are: they hide the layers,
    and how a network is spread over devices is not a matter of the study. Lazy modules get their
    shapes from a forward pass of zeros, their weights from torch's global generator.

    Parameters
    ----------
    output
        Key, attribute or position of the logits, or of other outputs, where the network puts out
        more than one tensor.

    Raises
    ------
    StudyError
        If a module is scripted, parameters are in half precision, or a lazy module is never called
        or cannot be.
    """
    network = _unwrapped(network)
    for module in list(network.modules()):
        if isinstance(module, torch.jit.ScriptModule):
            raise StudyError(
                f"Expected modules whose layers can be looked at. Got a {type(module).__name__}: "
                "leave out torch.jit.script and torch.jit.trace."
            )
        for name, child in list(module._modules.items()):
            if child is not None and (inner := _unwrapped(child)) is not child:
                module._modules[name] = inner
        if getattr(module, "_compiled_call_impl", None) is not None:
            module._compiled_call_impl = None  # of module.compile()
    if any(is_lazy(tensor) for tensor in _state(network).values()):
        _materialise(network, inputs)
    for name, parameter in network.named_parameters():
        if parameter.is_floating_point() and parameter.dtype.itemsize < 4:
            raise StudyError(
                f"Expected parameters in float32. Got {parameter.dtype} in {name!r}, in which "
                "small steps are rounded away. Leave out .half() or .bfloat16(): repsim computes "
                "in mixed precision by itself where there is a GPU."
            )
    network.register_forward_hook(partial(_take_logits, key=output))
    return network


def _unwrapped(module: nn.Module) -> nn.Module:
    """The module inside ``torch.compile`` and ``DataParallel``, in any order."""
    while True:
        parallel = isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel)
        inner = module.module if parallel else getattr(module, "_orig_mod", None)
        if not isinstance(inner, nn.Module):
            return module
        module = inner


def _state(network: nn.Module) -> dict[str, Tensor]:
    return dict(network.named_parameters()) | dict(network.named_buffers())


def _materialise(network: nn.Module, inputs: InputSpec) -> None:
    device = next(iter(_state(network).values())).device
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        with torch.no_grad():  # not inference_mode: what is made there cannot be trained
            network(inputs.zeros(_BATCH, device))
    # The network is somebody else's, and may raise anything.
    except Exception as error:
        raise StudyError(
            f"Expected lazy modules that take their shapes from {inputs}. "
            f"Got {type(error).__name__}: {error}"
        ) from error
    finally:
        for module in training:
            module.training = True
    left = [name for name, tensor in _state(network).items() if is_lazy(tensor)]
    if left:
        raise StudyError(
            f"Expected every lazy module to be called in a forward pass. Got none for {left[0]!r}. "
            "Remove the module, or make it one with a shape."
        )


def _take_logits(
    module: nn.Module, inputs: object, output: object, key: str | int | None
) -> Tensor:
    del module, inputs
    return logits_of(output, key)
