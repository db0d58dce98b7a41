"""Intervals of the maximum match: by inversion of those of the critical ε."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.special import stdtrit

from repsim.errors import InputError
from repsim.uncertainty.intervals import Interval

__all__ = ["RankedCriticals"]


@dataclass(frozen=True, kw_only=True, eq=False)
class RankedCriticals:
    r"""The critical ε of a pair of layers in rising order, with the standard error of each rank.

    The similarity at ε is a step function: the share of neurons whose critical ε is at most ε. Near
    a step it jumps, and its own jackknife sees either no spread or far too much. The ε at which k
    neurons match varies smoothly with the examples; its interval

    .. math:: [l_k, u_k] = \epsilon_{(k)} \pm t_{G-1}\,\mathrm{se}_k

    has the jackknife standard error of the k-th smallest critical ε, and

    .. math:: \frac{\#\{k: u_k \le \epsilon\}}{p + q} \quad\text{to}\quad
              \frac{\#\{k: l_k \le \epsilon\}}{p + q}

    is that of the similarity at ε. The value is never outside it. No bias is taken off.

    Parameters
    ----------
    critical : array (p + q,)
        Sorted; infinite for the dead neurons, which come last.
    error : array (p + q,)
        Standard errors; 0 for the dead.
    groups : int
        Groups of examples that they come from.

    References
    ----------
    Woodruff 1952, "Confidence Intervals for Medians and Other Position Measures", for the
    inversion.

    Examples
    --------
    >>> critical = np.array([0.2, 0.4, np.nan])
    >>> without = np.array([[0.19, 0.38, np.nan], [0.21, 0.42, np.nan]] * 4)
    >>> ranked = RankedCriticals.of(critical, without=without)
    >>> interval = ranked.interval(0.4)
    >>> round(interval.low, 2), round(interval.high, 2)
    (0.33, 0.67)
    """

    critical: Float64[np.ndarray, " n"]
    error: Float64[np.ndarray, " n"]
    groups: int

    @classmethod
    def of(
        cls,
        critical: Float64[np.ndarray, " n"],
        *,
        without: Float64[np.ndarray, "g n"] | None = None,
        drawn: Float64[np.ndarray, "b n"] | None = None,
        groups: int = 0,
    ) -> "RankedCriticals":
        """Of the critical ε of all neurons, NaN for dead ones.

        Parameters
        ----------
        critical
            With all examples.
        without
            Without each group of examples.
        drawn
            Of groups drawn with replacement, instead; then `groups` says how many there are.
        """
        whole = _ranked(critical)
        replicates = without if without is not None else drawn
        if replicates is None or len(replicates) < 2:
            raise InputError("Expected the critical ε of at least two replicates. Got fewer.")
        ranks = np.stack([_ranked(replicate) for replicate in replicates])
        live = np.isfinite(whole)
        # A neuron that is dead without some examples matches at no ε: at none below 1.
        ranks = np.where(np.isfinite(ranks), ranks, 1.0)[:, live]
        spread = ranks.var(axis=0)
        if without is not None:
            groups = len(without)
            squares = spread * (groups - 1)
        else:
            squares = spread * groups / (groups - 1)
        error = np.zeros_like(whole)
        error[live] = np.sqrt(squares)
        return cls(critical=whole, error=error, groups=groups)

    def bounds(
        self, level: float = 0.9
    ) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
        """Lower and upper ends of the interval of each rank; infinite for the dead."""
        reach = float(stdtrit(self.groups - 1, (1 + level) / 2)) * self.error
        return self.critical - reach, self.critical + reach

    def interval(self, epsilon: float, level: float = 0.9) -> Interval:
        """Of the similarity at ε, whose own standard error is not defined."""
        low, high = self.bounds(level)
        return Interval(
            low=float(np.mean(high <= epsilon)),
            high=float(np.mean(low <= epsilon)),
            level=level,
            corrected=float(np.mean(self.critical <= epsilon)),
            standard_error=None,
            bias=None,
        )

    def of_neurons(
        self, critical: Float64[np.ndarray, " n"], level: float = 0.9
    ) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
        """The ends of the interval of each neuron's rank, in the order of `critical`; NaN if dead.

        Of neurons with the same critical ε, the one with the lower index comes first.
        """
        place = np.argsort(np.where(np.isnan(critical), np.inf, critical), kind="stable")
        ends = []
        for bound in self.bounds(level):
            of_neuron = np.empty_like(bound)
            of_neuron[place] = np.where(np.isfinite(bound), bound, np.nan)
            ends.append(of_neuron)
        return ends[0], ends[1]


def _ranked(critical: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    return np.sort(np.where(np.isnan(critical), np.inf, critical))
