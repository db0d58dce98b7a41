"""What is to be made, as plain values: a network, a layer's activations, a comparison, a tile.

Each has the key of its artifact: a digest of everything that determines the result. Paths, devices
and engines are not in it. No torch here: the processes that match do not need it.
"""

from repsim.tasks.specs.across import AcrossSpec, across_specs
from repsim.tasks.specs.comparison import ComparisonSpec
from repsim.tasks.specs.layer import LayerSpec
from repsim.tasks.specs.network import TRAINING_RECORD, NetworkSpec
from repsim.tasks.specs.plan import StudyPlan
from repsim.tasks.specs.tile import TileSpec, tiles_of

__all__ = [
    "TRAINING_RECORD",
    "AcrossSpec",
    "ComparisonSpec",
    "LayerSpec",
    "NetworkSpec",
    "StudyPlan",
    "TileSpec",
    "across_specs",
    "tiles_of",
]
