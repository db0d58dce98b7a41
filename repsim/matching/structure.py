"""Do the conditions hold under which matches decompose in one way only? (Wang et al. 2018)

The theory. Let both layers be θ-strongly linearly independent: any two disjoint sets of neurons
of a layer span subspaces at an angle of at least θ. Let the pair be (λ, ε)-stable: no neuron's
distance to a set of the other layer lies in (ε, λε]. If λ ≥ 1 + 2 / sin θ, ε-matches are closed
under intersection, every matched neuron has a minimum match, and every match is a union of these.

Both properties speak of all subsets. What can be computed are bounds on θ from both sides, and on
λ from above; so the conditions can be refuted, and are refuted for most trained layers.
`simple_matches` then says neuron by neuron what holds without them.
"""

from dataclasses import dataclass

import numpy as np

from repsim.errors import InputError
from repsim.matching.geometry import Geometry
from repsim.matching.match import check_epsilon
from repsim.matching.sieve import Sieve
from repsim.matching.sources import Via, prepared
from repsim.moments import ArrayLike, Factor, Moments

__all__ = ["Independence", "Structure", "match_structure"]


@dataclass(frozen=True, kw_only=True)
class Independence:
    """How linearly independent the live neurons of a layer are.

    Parameters
    ----------
    neurons, rank : int
        Live neurons, and the dimension of their span.
    theta_least, theta_most : float
        Bounds in radians on the smallest angle between the spans of disjoint sets of neurons: the
        layer is θ-strongly linearly independent for θ = `theta_least`, and for no θ above
        `theta_most`. Both are zero when some neuron is in the span of others.
    """

    neurons: int
    rank: int
    theta_least: float
    theta_most: float


@dataclass(frozen=True, kw_only=True)
class Structure:
    """Whether matches at an ε are bound to decompose in one way only.

    Parameters
    ----------
    eps : float
        The ε in question.
    x, y : Independence
        Of the two layers.
    gap_needed : float
        The least λ that the theory asks for: 1 + 2 / sin θ at the smaller `theta_most`; infinite
        for a dependent layer.
    gap_most : float
        The pair is (λ, ε)-stable for no λ above this: the smallest distance above ε that was met,
        over ε. Infinite when none was met, or at ε = 0.
    """

    eps: float
    x: Independence
    y: Independence
    gap_needed: float
    gap_most: float

    @property
    def excluded(self) -> bool:
        """Whether the conditions for unique minimum matches certainly do not hold."""
        return bool(self.gap_needed == np.inf or self.gap_most < self.gap_needed)

    def __str__(self) -> str:
        angle = min(self.x.theta_most, self.y.theta_most)
        if angle == 0:
            why = "a layer has neurons that are linear combinations of its others"
        elif self.excluded:
            why = (
                f"they ask that no distance lies between ε and {self.gap_needed:.3g} ε (the layers "
                f"come as close as {np.degrees(angle):.2g}° to being dependent), and one lies at "
                f"{self.gap_most:.4g} ε"
            )
        else:
            return (
                f"At ε = {self.eps:g} the conditions for unique simple matches are not refuted: "
                f"no distance was met between ε and {self.gap_needed:.3g} ε."
            )
        return (
            f"At ε = {self.eps:g} the conditions for unique simple matches do not hold: {why}. "
            "Different visiting orders may give different simple matches."
        )


def match_structure(
    x: ArrayLike | Moments | Factor,
    y: ArrayLike | None = None,
    eps: float | None = None,
    *,
    centred: bool = False,
    via: Via = "auto",
) -> Structure:
    r"""Bounds on strong linear independence and on stability, for two layers at one ε.

    Parameters are those of `match_profile`, and ε.

    Notes
    -----
    θ from below: for vectors a, b of disjoint support and a Gram matrix of condition number χ,
    Wielandt's inequality bounds the cosine by (χ - 1)/(χ + 1) (Horn and Johnson, *Matrix
    Analysis*, 7.4.12), so :math:`\theta \ge 2 \arctan \chi^{-1/2}`. From above: the angle between
    a single neuron and the span of all others.

    λ from above: by the distances of neurons to the other layer, and to the other side of the
    maximum match.

    Examples
    --------
    >>> import numpy as np
    >>> structure = match_structure(np.eye(4)[:, :2], np.eye(4)[:, 1:3], 0.2)
    >>> structure.excluded, round(structure.x.theta_least, 3)
    (False, 1.571)
    """
    if eps is None:
        raise InputError("Expected an epsilon for the structure. Got none: pass eps=...")
    limit = check_epsilon(eps)
    pair = prepared(x, y, centred=centred, via=via)
    geometry = pair.geometry
    numbers = np.arange(geometry.size)
    layers = [
        _independence(geometry, side)
        for side in (numbers[: geometry.split], numbers[geometry.split :])
    ]
    angle = min(layer.theta_most for layer in layers)
    return Structure(
        eps=limit,
        x=layers[0],
        y=layers[1],
        gap_needed=float(1 + 2 / np.sin(angle)) if angle > 0 else float("inf"),
        gap_most=_gap(geometry, limit),
    )


def _independence(geometry: Geometry, neurons: np.ndarray) -> Independence:
    span = geometry.span(neurons, neurons[:0], room=0)
    rank = span.rank
    if rank < len(neurons):
        return Independence(neurons=len(neurons), rank=rank, theta_least=0.0, theta_most=0.0)
    # The inverse Gram matrix holds, on its diagonal, one over each squared distance to the rest.
    nearest = 1 / np.sqrt(max(1.0, float(span.inverse.diagonal().max(initial=1.0))))
    return Independence(
        neurons=len(neurons),
        rank=rank,
        theta_least=float(2 * np.arctan(1 / geometry.condition_of(neurons))),
        theta_most=float(np.arcsin(nearest)),
    )


def _gap(geometry: Geometry, eps: float) -> float:
    """Smallest distance above ε that was met, over ε."""
    if eps == 0:
        return float("inf")
    numbers = np.arange(geometry.size)
    match = Sieve.of_match(geometry, numbers, eps).members
    met = [np.inf]
    for base in (numbers, match):
        for targets, onto in ((numbers < geometry.split, base >= geometry.split),
                              (numbers >= geometry.split, base < geometry.split)):  # fmt: skip
            if onto.any() and targets.any():
                span = geometry.span(base[onto], numbers[targets], room=0)
                distance = np.sqrt(span.distance2())
                above = distance[span.distance2() - span.doubt2() > eps**2]
                met.append(float(above.min(initial=np.inf)))
    return min(met) / eps
