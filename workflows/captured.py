"""What is captured of each network: the examples, and the positions of the layers."""

from collections.abc import Sequence
from dataclasses import dataclass

from repsim.model_layers import LayerInfo
from repsim.stages.activations import LayerSpec
from repsim.stages.networks import NetworkSpec
from repsim.study import Study
from repsim.study.positions import layers_of_positions

__all__ = ["Captured", "layer_specs", "positions_of"]


@dataclass(frozen=True)
class Captured:
    """The examples whose activations are captured: those of all networks must be the same."""

    examples: int
    labelled: bool
    lengths: tuple[int, int] | None
    """Of the shortest and the longest, where some are padded."""


def layer_specs(
    network: NetworkSpec, chosen: Sequence[LayerInfo], captured: Captured, study: Study
) -> tuple[LayerSpec, ...]:
    """The activations of a network or snapshot: of a layer, or of some of its positions."""
    found = [(layer, positions_of(layer, captured, study)) for layer in chosen]
    # So many that the positions of a layer stand between it and the next one.
    most = max(len(positions) for _, positions in found)
    return tuple(
        LayerSpec(
            network=network,
            layer=layer.name + end,
            depth=layer.depth * most + place,
            type=layer.type,
            axis=layer.axis,
            total_neurons=layer.neurons,
            total_positions=layer.positions,
            examples=captured.examples,
            capture=study.capture,
            labelled=captured.labelled,
            places=places,
        )
        for layer, positions in found
        for place, (end, places) in enumerate(positions.items())
    )


def positions_of(
    layer: LayerInfo, captured: Captured, study: Study
) -> dict[str, tuple[int, ...] | None]:
    """The positions that are captured of a layer, by the end of the name that they get."""
    padded = captured.lengths is not None and layer.positions >= captured.lengths[1]
    return layers_of_positions(
        study.capture.positions,
        layer.positions,
        layer=layer.name,
        shortest=captured.lengths[0] if padded and captured.lengths is not None else None,
    )
