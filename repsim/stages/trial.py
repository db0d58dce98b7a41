"""One real step with a model and one real look at its layers, before anything is trained.

Torch is imported by the functions that need it, as in the other modules of this package.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from repsim.errors import StudyError
from repsim.memory import physical_memory, sizes_in_words
from repsim.stages.activations import LayerSpec
from repsim.stages.networks import NetworkSpec, model_of

if TYPE_CHECKING:
    from torch import nn

    from repsim.model_layers import LayerInfo

__all__ = ["try_networks"]

# Batch norm takes no single example.
_BATCH = 2


def try_networks(
    networks: Iterable[NetworkSpec], layers: Mapping[str, Sequence[LayerSpec]]
) -> None:
    """Try one network of each model and shape of its inputs: see `_try_network`."""
    tried = set()
    for network in networks:
        given = network.given is not None
        model = (network.structure, network.model.model_dump_json(), network.inputs, given)
        if model not in tried:
            tried.add(model)
            _try_network(network, layers[network.label])


def _try_network(spec: NetworkSpec, layers: Sequence[LayerSpec]) -> None:
    """Pass two examples of noise forward and back, then look at the layers, on the CPU.

    What a model does to shapes, on the meta device, says little of its types, of its backward pass
    or of its output: those come to light here, in seconds, and not in a job an hour later.

    Raises
    ------
    StudyError
        If a pass fails (with the exception and the layer), the output has another shape, no
        parameter can be trained, or a layer is another one than was planned from shapes.
    """
    import torch

    from repsim.model_layers import parameter_count_of
    from repsim.training.state import initial_model
    from repsim.training.streams import isolated_randomness

    needed, there = 8 * parameter_count_of(lambda: model_of(spec)), physical_memory()
    if needed > there:
        raise StudyError(
            f"Expected model {spec.model.name!r} of a size that fits in the memory of this machine "
            f"({there / 2**30:.1f} GiB), on which it is tried. Got {needed / 2**30:.1f} GiB of "
            "parameters and gradients. Choose a smaller model, or a larger machine."
        )
    sizes = sizes_in_words(f"model {spec.model.name!r} with two {spec.inputs}")
    with isolated_randomness(torch.device("cpu")), sizes:
        if spec.given is not None:
            model = model_of(spec)  # it is not trained: its layers are all that is asked of it
        else:
            model = initial_model(lambda: model_of(spec), spec.seed)
            _pass(model.train(), spec)
        table = {layer.name: layer for layer in _table(model, spec, layers)}
    for layer in layers:
        found = table.get(layer.layer_of_model)
        planned = (layer.total_neurons, layer.total_positions, layer.axis)
        if found is None or (found.neurons, found.positions, found.axis) != planned:
            got = "no such layer" if found is None else f"{found.neurons} at {found.positions}"
            raise StudyError(
                f"Expected layer {layer.layer!r} to have {layer.total_neurons} neurons at "
                f"{layer.total_positions} positions, as planned. Got {got} in a real forward pass."
            )


def _table(
    model: "nn.Module", spec: NetworkSpec, layers: Sequence[LayerSpec]
) -> "tuple[LayerInfo, ...]":
    from repsim.model_layers import layer_table, with_axes

    table = layer_table(model, spec.inputs)
    return with_axes(table, layers[0].capture.axes) if layers else table


def _pass(model: "nn.Module", spec: NetworkSpec) -> None:
    import torch

    from repsim.model_layers import failing_layer
    from repsim.training.optimiser import build_optimiser

    device = next(model.parameters(), torch.empty(0)).device
    inputs = spec.inputs.random(_BATCH, device)
    with failing_layer(model) as failing:
        try:
            outputs = model(inputs)
        except StudyError:
            raise
        # The model is somebody else's, and may raise anything.
        except Exception as error:
            raise _unusable(spec, error, f" in a forward pass{failing()}") from error
    objective = spec.objective
    if objective is None or spec.training.epochs == 0:
        return
    objective.check(outputs, _BATCH, who=f"model {spec.model.name!r}")
    try:
        build_optimiser(spec.training, model)  # refuses a model without parameters
        loss = objective.mean_loss(outputs, objective.example_targets(inputs))
        loss.backward()  # type: ignore[no-untyped-call]
    except Exception as error:
        raise _unusable(spec, error, " in a backward pass") from error


def _unusable(spec: NetworkSpec, error: Exception, where: str) -> StudyError:
    return StudyError(
        f"Expected model {spec.model.name!r} to be trained on {spec.inputs}, {spec.inputs.dtype}. "
        f"Got {type(error).__name__}{where}: {error}"
    )
