r"""The Gramian of a network's gradients on examples, also called its neural tangent kernel.

.. math:: G_{ij} = \sum_c \nabla_\theta f_c(x_i) \cdot \nabla_\theta f_c(x_j)

with a sum over the outputs. In float64, since eigenvalues of G span many powers of ten.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

__all__ = ["gradient_kernel", "kernel_by_jacobians", "kernel_by_layers", "made_of_linear_layers"]

# Bytes that the Jacobian of a block of examples may take.
MOST_BYTES = 2**30


def gradient_kernel(model: nn.Module, inputs: Tensor) -> Tensor:
    """The Gramian G (n, n), float64, of a model at inputs (n, ...).

    Of fully connected networks by products of layers, which takes little more than a forward and a
    backward pass; of others by their Jacobians.
    """
    if made_of_linear_layers(model, inputs[:2]):
        return kernel_by_layers(model, inputs)
    return kernel_by_jacobians(model, inputs)


def made_of_linear_layers(model: nn.Module, inputs: Tensor) -> bool:
    """Whether all parameters are of linear layers that take one vector of each example, once.

    A layer whose output is changed in place, as by ``nn.ReLU(inplace=True)``, does not count: its
    gradient is not to be had afterwards.
    """
    calls: list[nn.Module] = []
    fitting: list[bool] = []
    put_out: list[tuple[Tensor, int]] = []

    def note(layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        calls.append(layer)
        fitting.append(given[0].ndim == 2 and len(given[0]) == len(inputs))
        put_out.append((output, output._version))

    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        with torch.no_grad(), in_float64(model):
            model(inputs.double())
    finally:
        for handle in handles:
            handle.remove()
    of_layers = {id(p) for layer in layers for p in layer.parameters()}
    shared = len(of_layers) < sum(len(list(layer.parameters())) for layer in layers)
    once = len(calls) == len(set(calls))
    fitting += [output._version == version for output, version in put_out]
    return all(fitting) and once and not shared and of_layers == {id(p) for p in model.parameters()}


def kernel_by_layers(model: nn.Module, inputs: Tensor) -> Tensor:
    r"""Of a fully connected network, by :math:`\sum_l (A_l A_l^\top + 1) \circ (D_l D_l^\top)`.

    A_l are the inputs of layer l (n, in), D_l the gradients of an output at the outputs of the
    layer (n, out); the 1 is its bias.
    """
    given: dict[nn.Linear, Tensor] = {}
    put_out: dict[nn.Linear, Tensor] = {}

    def keep(layer: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(layer, nn.Linear)
        given[layer], put_out[layer] = arguments[0].detach(), output

    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    handles = [layer.register_forward_hook(keep) for layer in layers]
    n = len(inputs)
    kernel = torch.zeros(n, n, dtype=torch.float64, device=inputs.device)
    try:
        with torch.enable_grad(), in_float64(model):
            outputs = model(inputs.double())
            for output in range(outputs.shape[1]):
                gradients = torch.autograd.grad(
                    outputs[:, output].sum(), list(put_out.values()), retain_graph=True
                )
                for layer, gradient in zip(put_out, gradients, strict=True):
                    before = given[layer] @ given[layer].T
                    if layer.bias is not None:
                        before += 1
                    kernel += before * (gradient @ gradient.T)
    finally:
        for handle in handles:
            handle.remove()
    return kernel


def kernel_by_jacobians(
    model: nn.Module, inputs: Tensor, *, most_bytes: int = MOST_BYTES
) -> Tensor:
    """Of any model, block of examples by block: time rises with the square of their number.

    Parameters
    ----------
    most_bytes
        What the Jacobians of two blocks may take.
    """
    n = len(inputs)
    kernel = torch.zeros(n, n, dtype=torch.float64, device=inputs.device)
    with in_float64(model):
        parameters = {name: p.detach() for name, p in model.named_parameters()}
        buffers = dict(model.named_buffers())

        def outputs_of(of: dict[str, Tensor], example: Tensor) -> Tensor:
            found: Tensor = functional_call(model, {**of, **buffers}, (example[None],))
            return found[0]

        jacobians = vmap(jacrev(outputs_of), (None, 0), randomness="error")
        with torch.no_grad():
            outputs = outputs_of(parameters, inputs[0].double()).numel()
        size = 8 * outputs * sum(p.numel() for p in parameters.values())
        block = max(1, min(n, most_bytes // (2 * size)))

        def rows(start: int) -> Tensor:
            found = jacobians(parameters, inputs[start : start + block].double())
            return torch.cat([one.flatten(2) for one in found.values()], dim=2).flatten(1)

        for start in range(0, n, block):
            first = rows(start)
            for other in range(start, n, block):
                second = first if other == start else rows(other)
                part = first @ second.T
                kernel[start : start + block, other : other + block] = part
                kernel[other : other + block, start : start + block] = part.T
    return kernel


@contextmanager
def in_float64(model: nn.Module) -> Iterator[None]:
    """The model in float64 inside the block, and as it was after it."""
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    kinds = {p.dtype for p in model.parameters()}
    model.double()
    try:
        yield
    finally:
        if len(kinds) == 1:
            model.to(kinds.pop())
        model.load_state_dict(before)
