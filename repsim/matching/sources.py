"""What a user may hand to the matching functions, brought to one form."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from repsim.errors import InputError, unknown_name
from repsim.matching.factor_geometry import FactorGeometry
from repsim.matching.geometry import Geometry
from repsim.matching.gram_geometry import GramGeometry
from repsim.matching.peel import Peeled, peel
from repsim.moments import ArrayLike, Factor, Moments

__all__ = ["Method", "Prepared", "Via", "prepared"]

Method = Literal["moments", "factor"]
Via = Literal["auto", "moments", "factor"]

# No ε that anybody asks for is finer than this.
ENOUGH = 1e-7


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """A pair of layers, ready for questions about matches.

    Parameters
    ----------
    geometry : Geometry
        Its live neurons.
    p, q, count : int
        Numbers of neurons, dead ones included, and of samples.
    method : {"moments", "factor"}
        What the geometry comes from.
    away_from_mean : float
        Relative distance of a neuron to its own mean, the median over the live neurons of the layer
        where it is smaller; 1 where neurons are centred.
    coarse : tuple of int
        Neurons of X and of Y whose numbers hardly resolve their deviation; see `Origin`.
    """

    geometry: Geometry
    p: int
    q: int
    count: int
    method: Method
    away_from_mean: float
    coarse: tuple[int, int]

    @cached_property
    def peeled(self) -> Peeled:
        """Critical ε of the live neurons; not every question needs them."""
        return peel(self.geometry)


def prepared(
    x: ArrayLike | Moments | Factor, y: ArrayLike | None, *, centred: bool, via: Via
) -> Prepared:
    """Read what was handed in; go over to the factor when the moments leave too much in doubt."""
    pair = _prepared(_source(x, y, via=via), centred=centred)
    if via == "auto" and y is not None and not _settled(pair, centred=centred):
        return _prepared(Factor.from_arrays(x, y), centred=centred)
    return pair


def _source(x: ArrayLike | Moments | Factor, y: ArrayLike | None, *, via: Via) -> Moments | Factor:
    if via not in ("auto", "moments", "factor"):
        raise InputError(unknown_name("via", via, ["auto", "moments", "factor"]))
    if isinstance(x, Moments | Factor):
        given = "factor" if isinstance(x, Factor) else "moments"
        if y is not None:
            raise InputError(f"Expected {given} alone or two arrays. Got {given} and Y.")
        if via not in ("auto", given):
            raise InputError(
                f'Expected arrays, or a {via}, for via="{via}". Got {given}. '
                "Neither can be made from the other without loss: start from the arrays."
            )
        return x
    if y is None:
        raise InputError("Expected two arrays, X and Y, or moments, or a factor. Got X alone.")
    return Factor.from_arrays(x, y) if via == "factor" else Moments.from_arrays(x, y)


def _prepared(source: Moments | Factor, *, centred: bool) -> Prepared:
    geometry: Geometry
    if isinstance(source, Factor):
        geometry = FactorGeometry.from_factor(source, centred=centred)
    else:
        geometry = GramGeometry.from_moments(source, centred=centred)
    return Prepared(
        geometry=geometry,
        p=source.p,
        q=source.q,
        count=source.count,
        method="factor" if isinstance(source, Factor) else "moments",
        away_from_mean=1.0 if centred else _away_from_mean(source, geometry),
        coarse=_coarse(source) if centred else (0, 0),
    )


def _coarse(source: Moments | Factor) -> tuple[int, int]:
    if isinstance(source, Factor):
        x, y = source.origins
    else:
        x, y = source.origin_x, source.origin_y
    return x.coarse, y.coarse


def _away_from_mean(source: Moments | Factor, geometry: Geometry) -> float:
    if isinstance(source, Factor):
        raw, about = (np.linalg.norm(source.neurons(centred=c), axis=0) for c in (False, True))
        shares = about[: source.p], about[source.p :]
        lengths = raw[: source.p], raw[source.p :]
    else:
        moments, centred = source.raw(), source.centred()
        shares = np.sqrt(centred.xx.diagonal()), np.sqrt(centred.yy.diagonal())
        lengths = np.sqrt(moments.xx.diagonal()), np.sqrt(moments.yy.diagonal())
    live = geometry.live_x, geometry.live_y
    medians = [
        float(np.median(share[neurons] / length[neurons]))
        for share, length, neurons in zip(shares, lengths, live, strict=True)
        if len(neurons)
    ]
    return min(medians, default=1.0)


def _settled(pair: Prepared, *, centred: bool) -> bool:
    """Whether the digits of the moments were enough."""
    live = (len(pair.geometry.live_x), len(pair.geometry.live_y))
    # Centring may have left so few digits of a neuron that it looked constant.
    constant = centred and live != (pair.p, pair.q)
    known = not pair.geometry.size or np.max(pair.peeled.uncertainty) <= ENOUGH
    return (pair.peeled.rank_x, pair.peeled.rank_y) == live and not constant and bool(known)
