"""A model of a comparison: its layers, and what they put out of a batch as samples × neurons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from repsim.comparison.batches import Batch
from repsim.comparison.rows import Layer
from repsim.errors import InputError
from repsim.model_layers import (
    BATCHES,
    LayerInfo,
    by_positions,
    layers_in_doubt,
    layers_of_calls,
    plain_forward,
    select_layers,
    watch_calls,
)
from repsim.training import evaluation_mode

__all__ = ["MOST_LAYERS", "Pool", "Rows", "Watched", "watched"]

Pool = Literal["mean", "cls"] | None

# Where nobody says which layers, so many at most, evenly spread over the depth.
MOST_LAYERS = 16


class Rows(NamedTuple):
    """What a layer puts out of a batch."""

    values: Tensor
    """Samples × neurons on the device of the model."""
    lengths: Tensor | None
    """How many samples each example has, where padded ones were left out."""


@dataclass(frozen=True)
class Watched:
    """A model with the layers that are compared."""

    name: str
    model: nn.Module
    layers: tuple[LayerInfo, ...]
    in_doubt: tuple[str, ...]
    """Layers that a pattern selects, left out since the axis of their channels is unknown."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of its layers, in order of depth."""
        return tuple(layer.name for layer in self.layers)

    def outputs(self, batch: Batch, pools: Mapping[Layer, Pool]) -> dict[str, Rows]:
        """Of each layer, its samples.

        Parameters
        ----------
        batch
            On the device of the model.
        pools
            How the positions of each layer become samples.
        """
        by_call = {(layer.module, layer.call): layer for layer in self.layers}
        modules = dict(self.model.named_modules())
        found: dict[str, Rows] = {}

        def note(name: str, call: int, output: Tensor | None) -> None:
            layer = by_call.get((name, call))
            if layer is not None and output is not None:
                pool = pools[self.name, layer.name]
                found[layer.name] = _samples(layer, output, pool, batch, self.name)

        names = {layer.module for layer in self.layers}
        with (
            evaluation_mode(self.model),
            plain_forward(batch.tensors[0].device),
            watch_calls([(name, modules[name]) for name in names], note),
        ):
            batch.call(self.model)
        for name in self.names:
            if name not in found:
                raise InputError(
                    f"Expected the layers of {self.name} in every batch. Got none of {name!r} in "
                    "one: the model takes another way through it."
                )
        return found


def watched(name: str, model: nn.Module, batch: Batch, patterns: Sequence[str] | None) -> Watched:
    """A model with those of its layers that the patterns select.

    Raises
    ------
    StudyError
        When the model cannot take the batch, or a pattern selects no layer.
    """
    few, more = (batch.some(count) for count in BATCHES)
    table = layers_of_calls(
        model,
        lambda: few.call(model),
        lambda: more.call(model),
        few.tensors[0],
        f"the batches of the data ({', '.join(str(tuple(t.shape)) for t in batch.tensors)})",
    )
    chosen = [layer for layer in table if layer.capturable]
    doubtful: tuple[LayerInfo, ...] = ()
    if patterns is not None:
        chosen = list(select_layers(patterns, table))
        doubtful = layers_in_doubt(patterns, table)
    elif len(chosen) > MOST_LAYERS:
        step = (len(chosen) - 1) / (MOST_LAYERS - 1)
        chosen = [chosen[round(place * step)] for place in range(MOST_LAYERS)]
    if not chosen:
        raise InputError(
            f"Expected layers of {name} whose output is a batch with channels on a known axis. "
            "Got none."
        )
    return Watched(name, model, tuple(chosen), tuple(layer.name for layer in doubtful))


def _samples(layer: LayerInfo, output: Tensor, pool: Pool, batch: Batch, model: str) -> Rows:
    rows = by_positions(layer, output)
    if rows.shape[-1] != layer.neurons:
        raise InputError(
            f"Expected {layer.neurons} neurons of {layer.name} of {model} in every batch. "
            f"Got {rows.shape[-1]}."
        )
    mask = batch.mask if rows.shape[1] > 1 else None
    if mask is not None and mask.shape[1] != rows.shape[1]:
        raise InputError(
            f"Expected layers with as many positions as the mask, {mask.shape[1]}. Got "
            f"{rows.shape[1]} in {layer.name} of {model}. Choose layers of tokens (layers=[...])."
        )
    if pool == "cls":
        return Rows(rows[:, 0], None)
    if pool == "mean":
        if mask is None:
            return Rows(rows.mean(dim=1, dtype=torch.float32), None)
        kept = mask.unsqueeze(-1)
        sums = (rows * kept).sum(dim=1, dtype=torch.float32)
        return Rows(sums / kept.sum(dim=1).clamp(min=1), None)
    if mask is None:
        return Rows(rows.flatten(0, 1), None)
    return Rows(rows[mask], mask.sum(dim=1))
