"""Every layer against every other, within and between networks.

A heatmap says how similar each two layers are; block structure, whether one direction of the
activations makes many layers look alike; identification, which measure finds the layer that
corresponds.
"""

from repsim.across.block_structure import Block, longest_block
from repsim.across.heatmap import across_measure, heatmap
from repsim.across.identification import Identification, identify
from repsim.across.networks import NetworkComparison, NetworkLayers, compare_networks
from repsim.examples.first_component import (
    FIRST_COMPONENT_COSINE,
    FirstComponent,
    first_component,
    first_component_cosines,
    without_first_component,
)
from repsim.measures.cka import LinearCKA

__all__ = [
    "FIRST_COMPONENT_COSINE",
    "Block",
    "FirstComponent",
    "Identification",
    "LinearCKA",
    "NetworkComparison",
    "NetworkLayers",
    "across_measure",
    "compare_networks",
    "first_component",
    "first_component_cosines",
    "heatmap",
    "identify",
    "longest_block",
    "without_first_component",
]
