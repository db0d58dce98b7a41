"""The tidy tables of a study: what every report, figure and later analysis reads.

`schemas` says which columns there are and what each means; `tables` checks, orders and writes them.
"""

from repsim.results.context import in_context
from repsim.results.groups import OVER_TRAINING, group_of
from repsim.results.leading import leading_rank
from repsim.results.over_training import between_networks, settling_step, with_final
from repsim.results.rows import area_row, layer_rows, match_row, measure_row, neuron_rows
from repsim.results.schemas import (
    AREA_UNDER_CURVE,
    LAYERS,
    MAXIMUM_MATCH,
    NETWORKS,
    NEURONS,
    RESULTS,
    SIMPLE_MATCHES,
    STRUCTURE,
    TIMINGS,
    TRAINING,
    Column,
    Schema,
)
from repsim.results.tables import Tables, read_table

__all__ = [
    "AREA_UNDER_CURVE",
    "LAYERS",
    "MAXIMUM_MATCH",
    "NETWORKS",
    "NEURONS",
    "OVER_TRAINING",
    "RESULTS",
    "SIMPLE_MATCHES",
    "STRUCTURE",
    "TIMINGS",
    "TRAINING",
    "Column",
    "Schema",
    "Tables",
    "area_row",
    "between_networks",
    "group_of",
    "in_context",
    "layer_rows",
    "leading_rank",
    "match_row",
    "measure_row",
    "neuron_rows",
    "read_table",
    "settling_step",
    "with_final",
]
