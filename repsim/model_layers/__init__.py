"""Capture of activations: which layers a model has, which are meant, and what they put out."""

from repsim.model_layers.blocks import by_positions, capture_blocks, plain_forward
from repsim.model_layers.calls import failing_layer, watch_calls
from repsim.model_layers.layers import (
    BATCHES,
    LayerInfo,
    layer_table,
    layer_table_of,
    layers_of_calls,
)
from repsim.model_layers.meta import without_computing
from repsim.model_layers.patterns import layers_in_doubt, select_layers, selecting, with_axes
from repsim.model_layers.sampling import sampled_examples, sampled_neurons, sampled_positions
from repsim.model_layers.size import forward_operations_of, parameter_count_of
from repsim.model_layers.structure import repeated_blocks, structure_digest, structure_of

__all__ = [
    "BATCHES",
    "LayerInfo",
    "by_positions",
    "capture_blocks",
    "failing_layer",
    "forward_operations_of",
    "layer_table",
    "layer_table_of",
    "layers_in_doubt",
    "layers_of_calls",
    "parameter_count_of",
    "plain_forward",
    "repeated_blocks",
    "sampled_examples",
    "sampled_neurons",
    "sampled_positions",
    "select_layers",
    "selecting",
    "structure_digest",
    "structure_of",
    "watch_calls",
    "with_axes",
    "without_computing",
]
