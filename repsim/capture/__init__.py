"""Capture of activations: which layers a model has, which are meant, and what they put out."""

from repsim.capture.blocks import capture_blocks
from repsim.capture.layers import LayerInfo, layer_table, layer_table_of, parameter_count_of
from repsim.capture.patterns import select_layers
from repsim.capture.sampling import sampled_examples, sampled_positions

__all__ = [
    "LayerInfo",
    "capture_blocks",
    "layer_table",
    "layer_table_of",
    "parameter_count_of",
    "sampled_examples",
    "sampled_positions",
    "select_layers",
]
