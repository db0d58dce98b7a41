"""The match profile: the critical ε of every neuron, and all that follows from it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, overload

import numpy as np
from jaxtyping import Float64, Int64

from repsim.matching.match import Match, check_epsilon
from repsim.matching.maximum_match import maximum_match_at
from repsim.matching.sources import ENOUGH, Method, Via, prepared
from repsim.moments import ArrayLike, Factor, Moments
from repsim.named_arrays import NamedArrays
from repsim.origin import coarse_caution

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

__all__ = ["MatchProfile", "match_profile"]

# Above this many neurons per sample, unrelated neurons match at an ε in use: √(1 − 1/4) = 0.87
# of what they do with samples without end.
MANY_NEURONS = 0.25

# Rectified Gaussian neurons are √(1 − 1/π) = 0.83 from their mean; below this, constants match at
# an ε in use.
NEAR_MEAN = 0.3

# Critical ε that differ by less are the same to any reader.
SAME = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class MatchProfile(NamedArrays):
    """Critical ε of every neuron of a pair of layers: the maximum match at every ε at once.

    Parameters
    ----------
    critical_x, critical_y : array (p,), (q,)
        Smallest ε at which the neuron is in the maximum match; NaN for a dead neuron.
    uncertainty_x, uncertainty_y : array (p,), (q,)
        Bound on the numerical error of the critical ε, to first order, given which neurons were
        taken to depend on others (see `caution`); NaN for a dead neuron.
    count : int
        Number of samples.
    centred : bool
        Whether each neuron's mean was removed; the paper does not remove it.
    rank_x, rank_y : int
        Dimension of the span of each layer.
    rank_tolerance : float
        A neuron nearer than this to the span of others of its layer was taken to be in it.
    condition : float
        Condition number of the unit neurons, the larger of both layers (at least this large when
        it is one over `rank_tolerance`).
    method : {"moments", "factor"}
        What the profile was computed from: "moments" or "factor".
    away_from_mean : float
        Relative distance of a neuron to its own mean, the median over the live neurons of the layer
        where it is smaller; 1 of centred neurons.
    coarse : tuple of int
        Neurons of X and of Y, centred, whose numbers as they were given hardly resolve their
        deviation (`repsim.origin.Origin`).
    """

    critical_x: Float64[np.ndarray, " p"]
    critical_y: Float64[np.ndarray, " q"]
    uncertainty_x: Float64[np.ndarray, " p"]
    uncertainty_y: Float64[np.ndarray, " q"]
    count: int
    centred: bool
    rank_x: int
    rank_y: int
    rank_tolerance: float
    condition: float
    method: Method
    away_from_mean: float
    coarse: tuple[int, int]

    # Dead neurons have NaN, a singular layer an infinite condition.
    all_finite: ClassVar[bool] = False

    def __repr__(self) -> str:
        dead = len(self.dead_x) + len(self.dead_y)
        return (
            f"MatchProfile({self.p} + {self.q} neurons, {dead} dead, {self.count} samples, "
            f"area {self.area():.3f}, from {self.method})"
        )

    def plot(self, ax: "Axes | None" = None) -> "FigureBase":
        """The match curve: the share of the neurons that match, at every ε.

        Parameters
        ----------
        ax
            Axes to draw on; by default on a page of its own.

        Returns
        -------
        Figure
        """
        from repsim.drawing import drawn_on
        from repsim.matching.drawings import draw_match_curve

        return drawn_on(ax, lambda axes: draw_match_curve(axes, self), width=3.4, height=2.6)

    def _repr_html_(self) -> str:
        from repsim.drawing import pictured

        return pictured(self.plot(), repr(self), self.caution)

    @property
    def p(self) -> int:
        """Number of neurons of X, dead ones included."""
        return len(self.critical_x)

    @property
    def q(self) -> int:
        """Number of neurons of Y, dead ones included."""
        return len(self.critical_y)

    @property
    def dead_x(self) -> Int64[np.ndarray, " a"]:
        """Dead neurons of X, by index."""
        return np.flatnonzero(np.isnan(self.critical_x)).astype(np.int64)

    @property
    def dead_y(self) -> Int64[np.ndarray, " b"]:
        """Dead neurons of Y, by index."""
        return np.flatnonzero(np.isnan(self.critical_y)).astype(np.int64)

    @property
    def caution(self) -> str:
        """What to know before relying on the numbers, in words; empty when there is nothing."""
        found = (
            self._few_samples(),
            self._means(),
            coarse_caution(*self.coarse),
            self._dependent(),
        )
        return " ".join(sentence for sentence in found if sentence)

    def _few_samples(self) -> str:
        """A warning where unrelated neurons match because there are few samples."""
        live = max(self.p - len(self.dead_x), self.q - len(self.dead_y))
        free = self.count - self.centred
        if live <= MANY_NEURONS * free:
            return ""
        sizes = f"{self.count} samples for {self.p} + {self.q} neurons"
        if live >= free:
            return f"{sizes}: any two layers match completely. Take more examples or positions."
        reached = self.away_from_mean * np.sqrt(1 - live / free)
        return (
            f"{sizes}: unrelated neurons already match from about ε = {reached:.2g}. "
            "Take more examples or positions."
        )

    def _means(self) -> str:
        """A warning where neurons match because of their means."""
        if self.away_from_mean >= NEAR_MEAN:
            return ""
        return (
            "Most of a neuron's length is its mean: half of the neurons of a layer are within "
            f"{self.away_from_mean:.2g} of a constant, and constants match from that ε on whatever "
            "they represent. Compare the layers centred as well."
        )

    def _dependent(self) -> str:
        """Second moments do not show how a neuron differs from a span nearer than about 1e-6.

        If that difference is rounding, nothing is lost. If it is meant, it spans a direction that
        was left out.
        """
        dependent = (
            self.p + self.q - len(self.dead_x) - len(self.dead_y) - self.rank_x - self.rank_y
        )
        if not dependent or self.method == "factor":
            return ""
        return (
            f"{dependent} of the neurons lie within {self.rank_tolerance:.1g} of the span of "
            "others of their layer and were taken to be in it. If so small a difference matters, "
            "compute the profile from the arrays or from a Factor."
        )

    @property
    def settled(self) -> bool:
        """Whether it was computed with enough digits for any ε in use.

        Where it was not, a `Factor` of the same activations gives more.
        """
        if self.method == "factor":
            return True
        doubt = np.concatenate((self.uncertainty_x, self.uncertainty_y, [0.0]))
        return not self._dependent() and bool(np.nanmax(doubt) <= ENOUGH)

    def agrees_with(self, other: "MatchProfile") -> bool:
        """Whether both give every neuron the same critical ε, to 1e-6."""
        both = (self.critical_x, other.critical_x), (self.critical_y, other.critical_y)
        return all(np.allclose(a, b, rtol=0, atol=SAME, equal_nan=True) for a, b in both)

    @property
    def _critical(self) -> Float64[np.ndarray, " n"]:
        return np.concatenate((self.critical_x, self.critical_y))

    def maximum_match(self, eps: float) -> Match:
        """The match at ε that contains every other; 0 ≤ ε < 1, inclusive."""
        return maximum_match_at(self.critical_x, self.critical_y, eps)

    @overload
    def similarity(self, eps: float) -> float: ...
    @overload
    def similarity(self, eps: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]: ...
    def similarity(
        self, eps: float | Float64[np.ndarray, "..."]
    ) -> float | Float64[np.ndarray, "..."]:
        r"""Maximum matching similarity at ε, a number or an array of them.

        .. math:: s^\epsilon = (|X^*| + |Y^*|) / (p + q)

        Dead neurons are in no match and in the denominator. Source: Wang et al. 2018, §3.
        """
        grid = np.asarray(eps, dtype=np.float64)
        for value in grid.flat:
            check_epsilon(value)
        levels = np.sort(self._critical[~np.isnan(self._critical)])
        share = np.searchsorted(levels, grid, side="right") / (self.p + self.q)
        return float(share) if grid.ndim == 0 else np.asarray(share)

    def area(self) -> float:
        r"""Area under the match curve, a summary that needs no ε: between 0 and 1.

        .. math:: \int_0^1 s^\epsilon \, d\epsilon = \frac{1}{p+q}\sum_v (1 - \epsilon_v)

        over the critical ε of the live neurons.
        """
        return float(np.nansum(1.0 - self._critical) / (self.p + self.q))

    def ties(self, eps: float) -> Match:
        """Neurons whose critical ε equals ε up to rounding: whether they match is not certain."""
        limit = check_epsilon(eps)
        near = (
            np.flatnonzero(np.abs(critical - limit) <= uncertainty).astype(np.int64)
            for critical, uncertainty in (
                (self.critical_x, self.uncertainty_x),
                (self.critical_y, self.uncertainty_y),
            )
        )
        return Match(x=next(near), y=next(near))


def match_profile(
    x: ArrayLike | Moments | Factor,
    y: ArrayLike | None = None,
    *,
    centred: bool = False,
    via: Via = "auto",
) -> MatchProfile:
    """Critical ε of every neuron of two layers, exact for every ε.

    Parameters
    ----------
    x, y : array (d, p) and array (d, q), or Moments, or Factor
        Activations of two layers on the same d samples, samples × neurons; or their moments, or
        their triangular factor.
    centred : bool
        Remove each neuron's mean. The paper, and the default, does not.
    via : {"auto", "moments", "factor"}
        What to compute from. "auto" uses the statistic that it is given. From arrays it takes the
        moments, and changes to the factor, which costs more and keeps twice the digits, when a
        layer has dependent neurons or a critical ε is not known to 1e-7. The profile's `method`
        says which one was used.

    Returns
    -------
    MatchProfile

    Raises
    ------
    InputError
        When shapes disagree, a number is not finite, or there are no samples.

    Notes
    -----
    Cost O((p + q)³) whatever d, after one pass over the samples. See `repsim.matching.peel` for
    the algorithm and its proof. Source of the definitions: Wang et al. 2018, §3.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    >>> y = np.array([[2.0, 0.0], [0.0, 0.8], [0.0, 0.6]])
    >>> profile = match_profile(x, y)
    >>> profile.critical_x, profile.critical_y
    (array([0. , 0.6]), array([0. , 0.6]))
    >>> profile.similarity(0.5)
    0.5
    """
    pair = prepared(x, y, centred=centred, via=via)
    geometry, peeled = pair.geometry, pair.peeled
    sides = (
        (pair.p, geometry.live_x, slice(geometry.split)),
        (pair.q, geometry.live_y, slice(geometry.split, None)),
    )
    critical, uncertainty = (
        [_spread(width, live, values[part]) for width, live, part in sides]
        for values in (peeled.critical, peeled.uncertainty)
    )
    return MatchProfile(
        critical_x=critical[0],
        critical_y=critical[1],
        uncertainty_x=uncertainty[0],
        uncertainty_y=uncertainty[1],
        count=pair.count,
        centred=centred,
        rank_x=peeled.rank_x,
        rank_y=peeled.rank_y,
        rank_tolerance=geometry.rank_tolerance,
        condition=geometry.condition(),
        method=pair.method,
        away_from_mean=pair.away_from_mean,
        coarse=pair.coarse,
    )


def _spread(
    width: int, live: Int64[np.ndarray, " a"], values: Float64[np.ndarray, " a"]
) -> Float64[np.ndarray, " p"]:
    """Values of the live neurons among all neurons; NaN at the dead ones."""
    full = np.full(width, np.nan)
    full[live] = values
    return full
