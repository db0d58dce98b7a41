"""The columns of each table, with their types and their meaning.

A later column is one more nullable entry here; a later measure is new rows of RESULTS and no change
at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

MAXIMUM_MATCH = "maximum match similarity"
AREA_UNDER_CURVE = "area under the match curve"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its type, what it means, and what may stand in it."""

    dtype: type[pl.DataType] | pl.DataType
    meaning: str
    key: bool = False  # The key columns together name a row: no two rows share them.
    nullable: bool = False
    choices: tuple[str, ...] = ()  # Empty: any value.
    derived: bool = False  # Follows from the table of networks, whatever the rows say.


Schema = Mapping[str, Column]

NETWORKS: Schema = {
    "network": Column(dtype=pl.String, meaning="name of the network", key=True),
    "variant": Column(dtype=pl.String, meaning="variant of the study it belongs to"),
    "seed": Column(
        dtype=pl.String,
        meaning="seed of initialisation, order and augmentation: 3, or i0-o1-a1; empty if the "
        "weights are given",
    ),
    "weights": Column(
        dtype=pl.String,
        meaning="where given weights come from; null if the network was trained here",
        nullable=True,
    ),
    "snapshot": Column(
        dtype=pl.String,
        meaning="which state of its training: `epoch 5`; null: the network as it is kept",
        nullable=True,
    ),
    "step": Column(
        dtype=pl.Int64,
        meaning="steps it was trained for; null where the best of several states is kept",
        nullable=True,
    ),
    "status": Column(
        dtype=pl.String,
        meaning="what became of it",
        choices=("done", "failed", "missing"),
    ),
    "error": Column(dtype=pl.String, meaning="why it failed", nullable=True),
    "epochs": Column(dtype=pl.Int64, meaning="epochs trained", nullable=True),
    "train_accuracy": Column(
        dtype=pl.Float64,
        meaning="accuracy over the last epoch's batches, 0 to 1; null without classes",
        nullable=True,
    ),
    "test_accuracy": Column(
        dtype=pl.Float64, meaning="accuracy of the kept weights on the test split", nullable=True
    ),
    "train_r2": Column(
        dtype=pl.Float64,
        meaning="R² over the last epoch's batches, of targets that are numbers, at most 1",
        nullable=True,
    ),
    "test_r2": Column(
        dtype=pl.Float64, meaning="R² of the kept weights on the test split", nullable=True
    ),
    "train_perplexity": Column(
        dtype=pl.Float64,
        meaning="perplexity over the last epoch's batches, where the next token is predicted",
        nullable=True,
    ),
    "test_perplexity": Column(
        dtype=pl.Float64, meaning="perplexity of the kept weights on the test split", nullable=True
    ),
    "train_bits": Column(
        dtype=pl.Float64, meaning="bits per token: log2 of `train_perplexity`", nullable=True
    ),
    "test_bits": Column(
        dtype=pl.Float64, meaning="bits per token: log2 of `test_perplexity`", nullable=True
    ),
    "train_loss": Column(dtype=pl.Float64, meaning="last training loss", nullable=True),
    "parameters": Column(dtype=pl.Int64, meaning="parameters that are trained", nullable=True),
    "device": Column(dtype=pl.String, meaning="device it was trained on", nullable=True),
    "precision": Column(dtype=pl.String, meaning="arithmetic of the training", nullable=True),
}

TRAINING: Schema = {
    "network": Column(dtype=pl.String, meaning="name of the network", key=True),
    "epoch": Column(dtype=pl.Int64, meaning="epoch, counted from 1", key=True),
    "learning_rate": Column(dtype=pl.Float64, meaning="learning rate of the epoch"),
    "train_loss": Column(dtype=pl.Float64, meaning="mean loss over the epoch's batches"),
    "train_accuracy": Column(
        dtype=pl.Float64,
        meaning="running accuracy over the epoch's batches, 0 to 1; null without classes",
        nullable=True,
    ),
    "test_accuracy": Column(
        dtype=pl.Float64, meaning="accuracy on the test split after the epoch", nullable=True
    ),
    "train_r2": Column(
        dtype=pl.Float64,
        meaning="running R² over the epoch's batches, of targets that are numbers, at most 1",
        nullable=True,
    ),
    "test_r2": Column(
        dtype=pl.Float64, meaning="R² on the test split after the epoch", nullable=True
    ),
    "train_perplexity": Column(
        dtype=pl.Float64,
        meaning="running perplexity over the epoch's batches, where the next token is predicted",
        nullable=True,
    ),
    "test_perplexity": Column(
        dtype=pl.Float64, meaning="perplexity on the test split after the epoch", nullable=True
    ),
    "train_bits": Column(
        dtype=pl.Float64, meaning="bits per token: log2 of `train_perplexity`", nullable=True
    ),
    "test_bits": Column(
        dtype=pl.Float64, meaning="bits per token: log2 of `test_perplexity`", nullable=True
    ),
}

# Wall times have a table of their own: all others are the same, bit for bit, however often a run
# was stopped and wherever it went on.
TIMINGS: Schema = {
    "network": Column(dtype=pl.String, meaning="name of the network", key=True),
    "epoch": Column(dtype=pl.Int64, meaning="epoch, counted from 1", key=True),
    "seconds": Column(dtype=pl.Float64, meaning="wall time of the epoch, interruptions left out"),
}

LAYERS: Schema = {
    "variant": Column(
        dtype=pl.String, meaning="variant of the study; empty in a study without any", key=True
    ),
    "layer": Column(dtype=pl.String, meaning="dotted module name", key=True),
    "depth": Column(dtype=pl.Int64, meaning="place in the order of execution, from 0"),
    "type": Column(dtype=pl.String, meaning="class of the module"),
    "neurons": Column(dtype=pl.Int64, meaning="units, or channels of a convolution"),
    "positions": Column(dtype=pl.Int64, meaning="positions captured of each example"),
    "total_positions": Column(dtype=pl.Int64, meaning="positions that the feature map has"),
}

RESULTS: Schema = {
    "study": Column(dtype=pl.String, meaning="name of the study", key=True),
    "network_a": Column(dtype=pl.String, meaning="first network of the pair (X)", key=True),
    "network_b": Column(dtype=pl.String, meaning="second network of the pair (Y)", key=True),
    "variant_a": Column(
        dtype=pl.String, meaning="variant of network_a; empty without variants", derived=True
    ),
    "variant_b": Column(
        dtype=pl.String, meaning="variant of network_b; empty without variants", derived=True
    ),
    "snapshot_a": Column(
        dtype=pl.String,
        meaning="snapshot of network_a; null: the network as it is kept",
        nullable=True,
        derived=True,
    ),
    "snapshot_b": Column(
        dtype=pl.String, meaning="snapshot of network_b", nullable=True, derived=True
    ),
    "step_a": Column(
        dtype=pl.Int64,
        meaning="steps that network_a was trained for",
        nullable=True,
        derived=True,
    ),
    "step_b": Column(
        dtype=pl.Int64,
        meaning="steps that network_b was trained for",
        nullable=True,
        derived=True,
    ),
    "group": Column(
        dtype=pl.String,
        meaning="the variant of a pair within one, `A – B` of a pair between two, in the order of "
        "the study; empty without variants; a snapshot with its own network: `over training`",
        derived=True,
    ),
    "layer": Column(
        dtype=pl.String,
        meaning="dotted module name; `a – b` where the names differ and the study says that they "
        "correspond",
        key=True,
    ),
    "layer_a": Column(dtype=pl.String, meaning="name of the layer in network_a", nullable=True),
    "layer_b": Column(dtype=pl.String, meaning="name of the layer in network_b", nullable=True),
    "depth": Column(dtype=pl.Int64, meaning="place in the order of execution, from 0"),
    "measure": Column(dtype=pl.String, meaning="what value is", key=True),
    "epsilon": Column(
        dtype=pl.Float64, meaning="tolerance; null where none applies", key=True, nullable=True
    ),
    "value": Column(
        dtype=pl.Float64,
        meaning="the measure of all examples; null if undefined",
        nullable=True,
    ),
    "corrected": Column(
        dtype=pl.Float64,
        meaning="the value with the bias of few examples taken off: what the interval is about",
        nullable=True,
    ),
    "permutations": Column(
        dtype=pl.Int64,
        meaning="permutations of the examples; no p-value is below 1 / (1 + permutations)",
        nullable=True,
    ),
    "null_mean": Column(
        dtype=pl.Float64,
        meaning="mean of the value with Y's examples permuted: what chance gives",
        nullable=True,
    ),
    "null_low": Column(dtype=pl.Float64, meaning="least of those", nullable=True),
    "null_high": Column(dtype=pl.Float64, meaning="largest of those", nullable=True),
    "p_value": Column(
        dtype=pl.Float64,
        meaning="probability of so much similarity by chance: (1 + permutations that reach it) / "
        "(1 + permutations)",
        nullable=True,
    ),
    "p_value_layers": Column(
        dtype=pl.Float64,
        meaning="the same for all layers of the pair at once: against the most similar layer of "
        "each permutation",
        nullable=True,
    ),
    "calibrated": Column(
        dtype=pl.Float64,
        meaning="the value on a scale on which chance is 0 and identical layers are 1",
        nullable=True,
    ),
    "within_mean": Column(
        dtype=pl.Float64,
        meaning="mean of the value with Y's examples permuted within their classes: what sharing "
        "the classes alone gives; null without labels",
        nullable=True,
    ),
    "within_low": Column(dtype=pl.Float64, meaning="least of those", nullable=True),
    "within_high": Column(dtype=pl.Float64, meaning="largest of those", nullable=True),
    "p_value_within": Column(
        dtype=pl.Float64, meaning="p_value against permutations within classes", nullable=True
    ),
    "p_value_within_layers": Column(
        dtype=pl.Float64,
        meaning="p_value_layers against permutations within classes",
        nullable=True,
    ),
    "interval_low": Column(
        dtype=pl.Float64, meaning="lower end of the interval over examples", nullable=True
    ),
    "interval_high": Column(dtype=pl.Float64, meaning="its upper end", nullable=True),
    "standard_error": Column(
        dtype=pl.Float64, meaning="standard deviation of the value over examples", nullable=True
    ),
    "bias": Column(
        dtype=pl.Float64,
        meaning="value minus corrected, or what the replicates say of it where it is not taken off",
        nullable=True,
    ),
    "matched_x": Column(dtype=pl.Int64, meaning="neurons of X in the match", nullable=True),
    "matched_y": Column(dtype=pl.Int64, meaning="neurons of Y in the match", nullable=True),
    "neurons_x": Column(dtype=pl.Int64, meaning="p, neurons of X, dead ones included"),
    "neurons_y": Column(dtype=pl.Int64, meaning="q, neurons of Y, dead ones included"),
    "dead_x": Column(dtype=pl.Int64, meaning="neurons of X that are never active"),
    "dead_y": Column(dtype=pl.Int64, meaning="neurons of Y that are never active"),
    "samples": Column(dtype=pl.Int64, meaning="d, (example, position) rows"),
    "examples": Column(dtype=pl.Int64, meaning="examples of the test split"),
    "ties": Column(
        dtype=pl.Int64, meaning="neurons within numerical uncertainty of epsilon", nullable=True
    ),
    "centred": Column(dtype=pl.Boolean, meaning="whether each neuron's mean was removed"),
    "condition": Column(
        dtype=pl.Float64, meaning="condition number of the worse side", nullable=True
    ),
    "method": Column(
        dtype=pl.String,
        meaning="statistic it was computed from",
        choices=("moments", "factor"),
    ),
    "caution": Column(
        dtype=pl.String, meaning="what to know before relying on the numbers", nullable=True
    ),
}

NEURONS: Schema = {
    "network_a": Column(dtype=pl.String, meaning="first network of the pair (X)", key=True),
    "network_b": Column(dtype=pl.String, meaning="second network of the pair (Y)", key=True),
    "layer": Column(dtype=pl.String, meaning="dotted module name", key=True),
    "depth": Column(dtype=pl.Int64, meaning="place in the order of execution, from 0"),
    "side": Column(
        dtype=pl.String, meaning="x: of network_a, y: of network_b", key=True, choices=("x", "y")
    ),
    "neuron": Column(dtype=pl.Int64, meaning="index of the neuron, from 0", key=True),
    "critical": Column(
        dtype=pl.Float64,
        meaning="smallest epsilon at which it is in the maximum match; null if dead",
        nullable=True,
    ),
    "critical_low": Column(
        dtype=pl.Float64,
        meaning="lower end of the interval over examples of the critical epsilon of its rank: of "
        "the epsilon at which as many neurons match",
        nullable=True,
    ),
    "critical_high": Column(dtype=pl.Float64, meaning="its upper end", nullable=True),
}

_COMPARISON: Schema = {
    **{name: NEURONS[name] for name in ("network_a", "network_b", "layer", "depth")},
    "epsilon": Column(dtype=pl.Float64, meaning="tolerance", key=True),
}

SIMPLE_MATCHES: Schema = {
    **_COMPARISON,
    "rank": Column(
        dtype=pl.Int64, meaning="place among those of the comparison by size, from 1", key=True
    ),
    "size": Column(dtype=pl.Int64, meaning="neurons of both sides"),
    "members_x": Column(dtype=pl.List(pl.Int64), meaning="its neurons of X"),
    "members_y": Column(dtype=pl.List(pl.Int64), meaning="its neurons of Y"),
    "minimal_for_x": Column(dtype=pl.List(pl.Int64), meaning="neurons of X it is minimal for"),
    "minimal_for_y": Column(dtype=pl.List(pl.Int64), meaning="neurons of Y it is minimal for"),
    "minimum_for_x": Column(
        dtype=pl.List(pl.Int64), meaning="those of X of which every match contains it"
    ),
    "minimum_for_y": Column(
        dtype=pl.List(pl.Int64), meaning="those of Y of which every match contains it"
    ),
    "slack": Column(dtype=pl.Float64, meaning="epsilon minus the largest distance inside"),
    "certified": Column(
        dtype=pl.Boolean, meaning="whether each member was taken out again, and was needed"
    ),
}

STRUCTURE: Schema = {
    **_COMPARISON,
    "matched": Column(dtype=pl.Int64, meaning="neurons of both sides in the maximum match"),
    "simple": Column(dtype=pl.Int64, meaning="simple matches that were found"),
    "unique_share": Column(
        dtype=pl.Float64,
        meaning="share of the matched neurons with a unique minimum match",
        nullable=True,
    ),
    "complete": Column(dtype=pl.Boolean, meaning="whether these are all simple matches that exist"),
    "theta_least": Column(
        dtype=pl.Float64, meaning="the layers are strongly independent for this angle, degrees"
    ),
    "theta_most": Column(dtype=pl.Float64, meaning="they are so for no angle above this, degrees"),
    "gap_needed": Column(
        dtype=pl.Float64,
        meaning="stability that uniqueness asks for; null: infinite",
        nullable=True,
    ),
    "gap_most": Column(
        dtype=pl.Float64, meaning="stability is at most this; null: no bound", nullable=True
    ),
    "excluded": Column(
        dtype=pl.Boolean, meaning="whether the conditions for uniqueness certainly fail"
    ),
    "words": Column(
        dtype=pl.String, meaning="whether the conditions for uniqueness hold, in words"
    ),
}
