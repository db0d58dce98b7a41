"""Moments of many pairs from one pass: each block of each network is widened and squared once."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from repsim.errors import InputError
from repsim.moments.permuted import Permuted, within_classes
from repsim.moments.samples import BLOCK_ELEMENTS, check_sums, extended
from repsim.moments.second import Moments
from repsim.origin import Origin

__all__ = ["TileSums"]


class TileSums:
    """Sums over a run of examples for all `pairs` of some networks, with the nulls of each.

    In permutation i = 1, 2, … Y's examples are rotated by i places: example e of X meets example
    e − i of Y, and the first i of X meet the last i of Y. That needs the last few examples of a
    block alone, is the same permutation at every layer, and does not depend on how the run is cut
    into blocks. It is one of unrelated inputs where the order of the examples is random. A run of n
    examples has only n − 1 such permutations.

    `permute` adds the null within classes, whose permutations are among the examples it is given.

    Parameters
    ----------
    widths
        Neurons of each network's layer.
    pairs
        Places of X and Y among the networks.
    examples
        Length of the run.
    positions
        Samples of each example, in consecutive rows.
    permutations
        For each null; they need two examples at least.
    origins
        Of the networks' layers; by default zero.
    names
        Of the networks' layers, for messages.

    Raises
    ------
    InputError
        For as many permutations as examples, or more.

    Notes
    -----
    Takes 8 bytes for each number of every network's p × p and of every pair's (1 + permutations)
    p × q sums (as many again for a null within classes), one product beside them, and for each
    network a block and twice as many examples as it is rotated by in float64.

    Examples
    --------
    >>> x, y = np.eye(4)[:, :2], np.eye(4)[:, 1:]
    >>> tile = TileSums([2, 3], [(0, 1)], examples=4, permutations=1)
    >>> tile.update([x[:1], y[:1]])
    >>> tile.update([x[1:], y[1:]])
    >>> (moments,), ((permuted,),) = tile.cut(), tile.finish()
    >>> bool(np.array_equal(moments.xy, x.T @ y))
    True
    >>> bool(np.array_equal(permuted.applied_to(moments).xy, x.T @ np.roll(y, 1, axis=0)))
    True
    """

    def __init__(
        self,
        widths: Sequence[int],
        pairs: Sequence[tuple[int, int]],
        *,
        examples: int,
        positions: int = 1,
        permutations: int = 0,
        origins: Sequence[Origin] = (),
        names: Sequence[str] = (),
    ) -> None:
        if permutations >= max(examples, 1):
            raise InputError(
                f"Expected fewer permutations than examples. Got {permutations} of {examples}: "
                "rotations would repeat, and each count as another."
            )
        self._pairs = tuple(pairs)
        self._positions = positions
        self._examples = examples
        self._seen = 0
        # In samples. What a permutation pairs depends on its number and the run's length alone.
        self._shifts = [positions * (1 + i) for i in range(permutations)]
        farthest = max(self._shifts, default=0)
        names = names or [f"layer {place} of the tile" for place in range(len(widths))]
        origins = origins or [Origin.zero(width) for width in widths]
        self._layers = [
            _Layer(width, origin, name, farthest)
            for width, origin, name in zip(widths, origins, names, strict=True)
        ]
        self._shapes = [(widths[a] + 2, widths[b] + 2) for a, b in pairs]
        self._products = [np.zeros(shape) for shape in self._shapes]
        self._permuted = [[np.zeros(shape) for _ in self._shifts] for shape in self._shapes]
        self._within: list[list[np.ndarray]] = [[] for _ in pairs]

    def update(self, blocks: Sequence[np.ndarray]) -> None:
        """Add a block of whole examples: (b · positions, width) of every network, of any real type.

        Raises
        ------
        InputError
            When blocks are of different examples, or too many; when a number is not finite.
        """
        rows = {len(block) for block in blocks}
        if len(blocks) != len(self._layers) or len(rows) != 1 or max(rows) % self._positions:
            raise InputError(
                f"Expected the same whole examples of {len(self._layers)} networks, with "
                f"{self._positions} rows each. Got blocks of {[len(b) for b in blocks]} rows."
            )
        seen = self._seen + rows.pop() // self._positions
        if seen > self._examples:
            raise InputError(f"Expected {self._examples} examples. Got {seen} or more.")
        before = self._seen * self._positions
        for layer, block in zip(self._layers, blocks, strict=True):
            layer.take(block, before)
        for number, (a, b) in enumerate(self._pairs):
            x, y = self._layers[a], self._layers[b]
            self._products[number] += x.rotated(0).T @ y.rotated(0)
            for product, shift in zip(self._permuted[number], self._shifts, strict=True):
                # The first examples of the run wait for the last ones.
                waiting = slice(max(0, shift - before), None)
                np.add(product, x.rotated(0)[waiting].T @ y.rotated(shift)[waiting], out=product)
        self._seen = seen

    def permute(self, blocks: Sequence[np.ndarray], labels: np.ndarray) -> None:
        """Add to the null within classes some whole examples, permuted among themselves.

        Parameters
        ----------
        blocks
            As for `update`, of any size: examples meet others of their class in the same block.
        labels
            The class of each example, (b,).

        It is called before `update` with the same examples, whose place decides the permutations.
        """
        positions, count = self._positions, len(self._shifts)
        orders = [within_classes(labels, number, self._seen) for number in range(count)]
        if not any(self._within):
            self._within = [[np.zeros(shape) for _ in orders] for shape in self._shapes]
        widest = max(layer.square.shape[0] for layer in self._layers)
        step = max(1, BLOCK_ELEMENTS // (positions * widest))
        places = np.arange(positions)
        for start in range(0, len(labels), step):
            stop = min(start + step, len(labels))
            rows = slice(start * positions, stop * positions)
            of_x = {a: self._layers[a].extended(blocks[a][rows]) for a, _ in self._pairs}
            for number, order in enumerate(orders):
                met = (order[start:stop, None] * positions + places).ravel()
                of_y = {b: self._layers[b].extended(blocks[b][met]) for _, b in self._pairs}
                for within, (a, b) in zip(self._within, self._pairs, strict=True):
                    within[number] += of_x[a].T @ of_y[b]

    def cut(self) -> list[Moments]:
        """Moments of each pair since the last cut; the nulls go on."""
        squares = [layer.square for layer in self._layers]
        # One and the same array in all pairs of a network: what is derived from it is shared, too.
        moments_of_layers = [square[:-2, :-2] for square in squares]
        cut = [
            replace(
                Moments.from_products(
                    squares[a],
                    product,
                    squares[b],
                    origin_x=self._layers[a].origin,
                    origin_y=self._layers[b].origin,
                ),
                xx=moments_of_layers[a],
                yy=moments_of_layers[b],
            )
            for product, (a, b) in zip(self._products, self._pairs, strict=True)
        ]
        self._products = [np.zeros_like(product) for product in self._products]
        for layer in self._layers:
            layer.square = np.zeros_like(layer.square)
        return cut

    def finish(self) -> list[list[Permuted]]:
        """The permutations of each pair, over the whole run, which ends here.

        Those within classes come after the others, where there are any.

        Raises
        ------
        InputError
            When not all examples have come.
        """
        if self._seen != self._examples:
            raise InputError(f"Expected {self._examples} examples. Got {self._seen}.")
        for number, (a, b) in enumerate(self._pairs):
            x, y = self._layers[a], self._layers[b]
            for product, shift in zip(self._permuted[number], self._shifts, strict=True):
                np.add(product, x.first[:shift].T @ y.last(shift), out=product)
        finished = zip(self._permuted, self._within, strict=True)
        self._permuted, self._within = [], []
        return [
            [Permuted.from_product(product) for product in (*permuted, *within)]
            for permuted, within in finished
        ]


class _Layer:
    """Samples of a network: a block in float64, behind the last ones before it.

    Parameters
    ----------
    width, origin, name
        Its neurons, what is taken off them, and its name in messages.
    farthest
        The most samples that a permutation rotates by.
    """

    def __init__(self, width: int, origin: Origin, name: str, farthest: int) -> None:
        self.name, self.origin = name, origin
        self.square = np.zeros((width + 2, width + 2))
        self.first = np.empty((farthest, width + 2))
        self._farthest = farthest
        self._rows = 0
        self._room = np.empty((farthest, width + 2))

    def take(self, block: np.ndarray, before: int) -> None:
        """Move on to the next block, of which `before` samples come first, and sum it."""
        farthest, rows = self._farthest, len(block)
        last = self._room[self._rows : self._rows + farthest]
        room = self._room
        if len(room) < farthest + rows:
            room = np.empty((farthest + rows, room.shape[1]))
        room[:farthest] = last
        samples = extended(block, room[farthest : farthest + rows], self.origin)
        if before < farthest:
            self.first[before : before + rows] = samples[: farthest - before]
        self._room, self._rows = room, rows
        with np.errstate(over="ignore", invalid="ignore"):
            # numpy hands A.T @ A to BLAS syrk, which does half the work of a general product.
            self.square += samples.T @ samples
        check_sums(self.square, block, self.name, before)

    def extended(self, samples: np.ndarray) -> Float64[np.ndarray, "b n"]:
        """Other samples than those that it holds, in the same form."""
        return extended(samples, np.empty((len(samples), self.square.shape[0])), self.origin)

    def rotated(self, shift: int) -> Float64[np.ndarray, "b n"]:
        """The samples that stand `shift` before those of the block."""
        start = self._farthest - shift
        return self._room[start : start + self._rows]

    def last(self, count: int) -> Float64[np.ndarray, "c n"]:
        """The last samples of the run so far."""
        stop = self._farthest + self._rows
        return self._room[stop - count : stop]
