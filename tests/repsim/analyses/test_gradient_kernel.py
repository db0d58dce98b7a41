"""The Gramian of gradients against gradients taken one by one."""

import pytest
import torch
from torch import nn

from repsim.analyses.gradient_kernel import (
    gradient_kernel,
    kernel_by_jacobians,
    kernel_by_layers,
    made_of_linear_layers,
)


def literal(model, inputs):
    """Inner products of the gradients of every output at every example, in float64."""
    model = model.double()
    rows = []
    for example in inputs.double():
        outputs = model(example[None])[0]
        for output in outputs:
            gradients = torch.autograd.grad(
                output, list(model.parameters()), retain_graph=True, allow_unused=True
            )
            rows.append(torch.cat([g.flatten() for g in gradients if g is not None]))
    stacked = torch.stack(rows).reshape(len(inputs), -1, len(rows[0]))
    return torch.einsum("icp,jcp->ij", stacked, stacked)


def mlp(inplace=False, outputs=2):
    torch.manual_seed(0)
    hidden = [nn.Linear(3, 7), nn.ReLU(inplace), nn.Linear(7, 5, bias=False), nn.Tanh()]
    return nn.Sequential(*hidden, nn.Linear(5, outputs)).eval()


def convolutional():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2)
    ).eval()


def test_products_of_layers_are_the_gradients():
    inputs = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    found = kernel_by_layers(mlp(), inputs)
    torch.testing.assert_close(found, literal(mlp(), inputs), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("most_bytes", [1, 5000, 2**30])
def test_jacobians_are_the_gradients_in_blocks_of_any_size(most_bytes):
    inputs = torch.randn(5, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    found = kernel_by_jacobians(convolutional(), inputs, most_bytes=most_bytes)
    torch.testing.assert_close(found, literal(convolutional(), inputs), rtol=1e-12, atol=1e-12)


def test_the_way_is_chosen_by_what_the_model_is():
    inputs = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    assert made_of_linear_layers(mlp(), inputs)
    assert not made_of_linear_layers(mlp(inplace=True), inputs)
    torch.testing.assert_close(
        gradient_kernel(mlp(inplace=True), inputs), gradient_kernel(mlp(), inputs)
    )
    layer = nn.Linear(3, 3)
    assert not made_of_linear_layers(nn.Sequential(layer, nn.ReLU(), layer), inputs)
    assert not made_of_linear_layers(convolutional(), torch.randn(2, 1, 4, 4))


def test_the_model_is_as_it_was():
    model, inputs = mlp(), torch.randn(4, 3)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    gradient_kernel(model, inputs)
    kernel_by_jacobians(model, inputs)
    for name, tensor in model.state_dict().items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)
