"""The order in which neurons are tried, on which a minimal match depends when there are several."""

from typing import Literal

import numpy as np
from jaxtyping import Int64

from repsim.errors import InputError, unknown_name
from repsim.matching.geometry import Geometry

__all__ = ["Order", "visiting_orders"]

Order = Literal["index", "random"]


def visiting_orders(
    geometry: Geometry,
    match: Int64[np.ndarray, " m"],
    layers: tuple[int, int],
    *,
    order: Order,
    seed: int,
    restarts: int,
) -> list[Int64[np.ndarray, " m"]]:
    """The first order, and one random order for each restart, over the neurons of a match.

    "index" is X by index, then Y; "random" a uniform permutation of all neurons of both layers
    (the published code draws the side by a fair coin first). Run r draws from the generator
    (seed, r), whatever neurons are dead or outside the match.
    """
    if order not in ("index", "random"):
        raise InputError(unknown_name("order", order, ["index", "random"]))
    if restarts < 0:
        raise InputError(f"Expected restarts of at least 0. Got {restarts}.")
    in_layers = np.concatenate((geometry.live_x, layers[0] + geometry.live_y))
    number = np.full(sum(layers), -1)
    number[in_layers[match]] = match

    def drawn(run: int) -> Int64[np.ndarray, " m"]:
        shuffled = number[np.random.default_rng((seed, run)).permutation(len(number))]
        return shuffled[shuffled >= 0].astype(np.int64)

    first = match if order == "index" else drawn(0)
    return [first, *(drawn(run) for run in range(1, restarts + 1))]
