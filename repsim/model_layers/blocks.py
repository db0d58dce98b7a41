"""Activations of chosen layers, batch by batch: one forward pass for all layers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from repsim.data import Split
from repsim.errors import InputError, StudyError
from repsim.model_layers.calls import watch_calls
from repsim.model_layers.layers import LayerInfo
from repsim.model_layers.sampling import sampled_neurons, sampled_positions
from repsim.training.evaluation import evaluation_mode
from repsim.training.precision import repeatable_kernels

__all__ = ["by_positions", "capture_blocks", "plain_forward"]

Kept = int | Literal["all", "mean", "last"]


def capture_blocks(
    model: nn.Module,
    split: Split,
    indices: np.ndarray,
    layers: Sequence[LayerInfo],
    *,
    positions: Kept = "all",
    places: Mapping[str, Sequence[int]] | None = None,
    neurons: int | Literal["all"] = "all",
    seed: int = 0,
    batch_size: int = 256,
    device: torch.device,
    workers: int = 0,
) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
    """Activations of `layers` for the examples `indices`, in their order.

    Evaluation mode, no augmentation, float32 throughout: no autocast, no TF32. The batch size
    changes the numbers by rounding at most, and the positions not at all.

    Parameters
    ----------
    model
        Moved to `device`. Its hooks and modes are as before when the iterator ends or is closed.
    indices
        int (n,), examples of the split.
    layers
        Of this model's `layer_table`.
    positions
        How many positions of each example are kept (`sampled_positions` with `seed`); ``"mean"``
        for one, their average; ``"last"`` for the last one. Of padded sequences, only positions
        with a token are drawn, averaged, or the last.
    places
        For a layer by its name, the positions that are kept, in this order, in place of
        `positions`.
    neurons
        How many of each layer are kept (`sampled_neurons` with `seed`).

    Yields
    ------
    slice
        The part of `indices` that the block holds.
    dict
        Layer name to float32 (examples, positions, neurons).

    Raises
    ------
    StudyError
        If a layer cannot be captured, or the model is a ``DataParallel``.
    InputError
        If the model does not have these layers, or their outputs have other shapes.
    """
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        raise StudyError(
            f"Expected a plain model. Got a {type(model).__name__}, whose copies each see a part "
            "of the batch. Use its .module."
        )
    modules = dict(model.named_modules())
    for layer in layers:
        if layer.module not in modules:
            raise InputError(_absent(layer))
        if not layer.capturable:
            raise StudyError(
                "Expected layers whose output is a batch with channels on a known axis. "
                f"Got {layer.name!r} ({layer.type})."
            )
    watched = {layer.module: modules[layer.module] for layer in layers}
    recorder = _Recorder(
        layers,
        positions=positions,
        places=places or {},
        neurons=neurons,
        seed=seed,
        lengths=split.lengths,
    )
    batches = split.batches(
        indices, batch_size=batch_size, augmentation=None, device=device, workers=workers
    )
    return _blocks(model.to(device), watched, recorder, indices, batches)


@contextmanager
def plain_forward(device: torch.device) -> Iterator[None]:
    """A forward pass as activations are captured: float32 throughout, and no gradients."""
    with (
        torch.inference_mode(),
        torch.autocast(device.type, enabled=False),
        repeatable_kernels(),
    ):
        yield


def by_positions(layer: LayerInfo, output: Tensor) -> Tensor:
    """View of the output of a layer as (examples, positions, neurons)."""
    output = output.movedim(layer.axis, -1)
    return output.unsqueeze(1) if output.ndim == 2 else output.flatten(1, -2)


def _blocks(
    model: nn.Module,
    watched: dict[str, nn.Module],
    recorder: "_Recorder",
    indices: np.ndarray,
    batches: Iterator[tuple[Tensor, Tensor]],
) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
    start = 0
    with evaluation_mode(model), watch_calls(watched.items(), recorder.record) as count_again:
        for inputs, _ in batches:
            block = slice(start, start + len(inputs))
            start = block.stop
            recorder.begin(indices[block])
            count_again()
            # Entered for each batch: what is set here would otherwise hold for the caller too,
            # between two blocks.
            with plain_forward(inputs.device):
                model(inputs)
            yield block, recorder.finish(inputs.device)


class _Recorder:
    """Collects the outputs of one forward pass on the host."""

    def __init__(
        self,
        layers: Sequence[LayerInfo],
        *,
        positions: Kept,
        places: Mapping[str, Sequence[int]],
        neurons: int | Literal["all"],
        seed: int,
        lengths: np.ndarray | None,
    ) -> None:
        self._layers = {(layer.module, layer.call): layer for layer in layers}
        self._kept = positions
        self._places = places
        self._neurons = neurons
        self._lengths = lengths
        self._seed = seed
        self._examples = np.empty(0, dtype=np.int64)
        self._chosen: dict[int, Tensor] = {}
        self._host: dict[str, Tensor] = {}

    def begin(self, examples: np.ndarray) -> None:
        """Expect the outputs of these examples of the split."""
        self._examples, self._chosen, self._host = examples, {}, {}

    def record(self, module: str, call: int, output: Tensor | None) -> None:
        """Copy the output: the next module may overwrite it in place."""
        layer = self._layers.get((module, call))
        if layer is None:
            return
        expected = (len(self._examples), *layer.shape)
        if output is None or tuple(output.shape) != expected:
            got = "no single tensor" if output is None else tuple(output.shape)
            raise InputError(
                f"Expected output of shape {expected} from layer {layer.name!r}. Got {got}. "
                "The layers must be of this model and shape of inputs."
            )
        self._host[layer.name] = _host_copy(self._rows(layer, output))

    def finish(self, device: torch.device) -> dict[str, np.ndarray]:
        """The activations of every layer, once they have arrived."""
        missing = [layer for layer in self._layers.values() if layer.name not in self._host]
        if missing:
            raise InputError(_absent(missing[0]))
        if device.type == "cuda":
            torch.cuda.current_stream(device).synchronize()
        host, self._host = self._host, {}
        return {layer.name: host[layer.name].numpy() for layer in self._layers.values()}

    def _rows(self, layer: LayerInfo, output: Tensor) -> Tensor:
        """View or selection of the output as (examples, positions, neurons)."""
        output = by_positions(layer, output)
        if self._neurons != "all" and self._neurons < layer.neurons:
            drawn = sampled_neurons(self._seed, layer.neurons, self._neurons)
            output = output[..., torch.from_numpy(drawn).to(output.device)]
        if layer.name in self._places:
            return output[:, list(self._places[layer.name])]
        lengths = self._lengths_of(layer, output.device)
        if self._kept == "last":
            last = torch.full((len(output),), layer.positions) if lengths is None else lengths
            return output[torch.arange(len(output)), last - 1].unsqueeze(1)
        if self._kept == "mean" and lengths is not None:
            real = torch.arange(layer.positions, device=output.device) < lengths.unsqueeze(1)
            total = output.where(real.unsqueeze(2), 0).sum(dim=1, keepdim=True, dtype=torch.float32)
            return total / lengths.view(-1, 1, 1)
        if self._kept == "mean":
            return output.mean(dim=1, keepdim=True, dtype=torch.float32)
        if self._kept == "all" or self._kept >= layer.positions:
            return output
        chosen = self._positions(layer.positions, self._kept, output.device)
        return output[torch.arange(len(output), device=output.device).unsqueeze(1), chosen]

    def _lengths_of(self, layer: LayerInfo, device: torch.device) -> Tensor | None:
        """How many positions of each example have a token; None where all have, or are others."""
        if self._lengths is None or layer.positions < self._lengths.max():
            return None
        return torch.from_numpy(self._lengths[self._examples]).to(device)

    def _positions(self, total: int, kept: int, device: torch.device) -> Tensor:
        if total not in self._chosen:
            sizes = np.full(len(self._examples), total)
            if self._lengths is not None:
                sizes = np.minimum(sizes, self._lengths[self._examples])
            rows = [
                sampled_positions(self._seed, int(size), kept, int(i))
                for i, size in zip(self._examples, sizes, strict=True)
            ]
            self._chosen[total] = torch.from_numpy(np.stack(rows)).to(device)
        return self._chosen[total]


def _host_copy(rows: Tensor) -> Tensor:
    """Contiguous float32 copy on the CPU, never the tensor itself.

    From a GPU through pinned memory and without waiting, so that the copy of a layer overlaps the
    computation of the next ones.
    """
    if rows.device.type != "cuda":
        host = torch.empty(rows.shape, dtype=torch.float32)
        return host.copy_(rows)
    # The transposition is done by the GPU: a strided copy to the host is not asynchronous.
    packed = rows.to(torch.float32).contiguous()
    host = torch.empty(packed.shape, dtype=torch.float32, pin_memory=True)
    return host.copy_(packed, non_blocking=True)


def _absent(layer: LayerInfo) -> str:
    return (
        f"Expected a model with layer {layer.name!r} ({layer.type}). Got one whose forward pass "
        "has no such layer. Take the layers from this model's layer_table."
    )
