"""Sums of the layers of several models over the batches that all of them see."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from repsim.comparison.rows import Layer
from repsim.errors import InputError
from repsim.moments import Moments
from repsim.origin import Origin

__all__ = ["Products"]

# Numbers of a layer that are converted to float64 at a time: 64 MB.
AT_A_TIME = 2**23


class Products:
    """The second moments of pairs of layers, updated batch by batch where the batches are.

    Parameters
    ----------
    pairs
        Of layers whose moments are wanted.
    """

    def __init__(self, pairs: Iterable[tuple[Layer, Layer]]) -> None:
        self._pairs = tuple(pairs)
        self._layers = dict.fromkeys(layer for pair in self._pairs for layer in pair)
        self._origins: dict[Layer, Origin] = {}
        self._sums: dict[tuple[Layer, Layer], Tensor] = {}

    def bytes(self, widths: Mapping[Layer, int]) -> int:
        """What the sums take in memory, given the neurons of each layer."""
        squares = ((layer, layer) for layer in self._layers)
        return sum(8 * (widths[a] + 2) * (widths[b] + 2) for a, b in (*squares, *self._pairs))

    def update(self, batch: Mapping[Layer, Tensor]) -> None:
        """Add a batch: of each layer samples × neurons.

        Raises
        ------
        InputError
            When the layers of a pair have not as many samples, or a number is not finite.
        """
        for layer in self._layers:
            if layer not in self._origins:
                rows = batch[layer]
                first = rows[:1024].detach().to("cpu", torch.float32).numpy()
                self._origins[layer] = Origin.of(first)
        for x, y in self._pairs:
            if len(batch[x]) != len(batch[y]):
                raise InputError(
                    f"Expected as many samples of {_words(x)} and {_words(y)}. Got "
                    f"{len(batch[x])} and {len(batch[y])}: their positions differ. Set "
                    'pool="mean".'
                )
        wanted = dict.fromkeys([*((a, a) for a in self._layers), *self._pairs])
        samples = max(len(rows) for rows in batch.values())
        step = max(1, AT_A_TIME // max(rows.shape[1] for rows in batch.values()))
        for start in range(0, samples, step):
            parts = {
                layer: self._extended(layer, batch[layer][start : start + step])
                for layer in self._layers
            }
            for a, b in wanted:
                product = parts[a].T @ parts[b]
                before = self._sums.get((a, b))
                self._sums[a, b] = product if before is None else before.add_(product)

    def moments(self, x: Layer, y: Layer) -> Moments:
        """Those of a pair.

        Raises
        ------
        InputError
            When activations are not finite.
        """
        xx, xy, yy = (self._sums[of].cpu().numpy() for of in ((x, x), (x, y), (y, y)))
        for layer, square in ((x, xx), (y, yy)):
            if not bool(torch.isfinite(self._sums[layer, layer]).all()):
                raise InputError(
                    f"Expected finite activations. Got NaN, infinity or too large numbers in "
                    f"{_words(layer)} ({square.shape[0] - 2} neurons). Leave the layer out, or "
                    "look at the model's weights and inputs."
                )
        return Moments.from_products(
            xx, xy, yy, origin_x=self._origins[x], origin_y=self._origins[y]
        )

    def _extended(self, layer: Layer, rows: Tensor) -> Tensor:
        """As `repsim.moments.samples.extended`: about the origin, the squared norm and 1 beside."""
        device = torch.device("cpu") if rows.device.type == "mps" else rows.device  # no float64
        values = rows.to(device, torch.float64)
        origin = self._origins[layer]
        if origin.moved:
            values = values - torch.from_numpy(origin.shift).to(device)
        if origin.scale != 1.0:
            values = values / origin.scale
        norms = values.square().sum(dim=1, keepdim=True)
        return torch.cat([values, norms, torch.ones_like(norms)], dim=1)


def _words(layer: Layer) -> str:
    return f"{layer[1]} of {layer[0]}"
