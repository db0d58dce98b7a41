"""Maximum matching similarity at one ε (Wang et al. 2018)."""

from typing import Any

import numpy as np
from jaxtyping import Float64
from pydantic import Field

from repsim.matching import MatchProfile, match_profile
from repsim.measures.contract import CentredOption, Properties, documented, measured
from repsim.moments import ArrayLike, Factor, Moments

__all__ = ["Options", "maximum_match"]


class Options(CentredOption):
    """Options of the maximum matching similarity."""

    epsilon: float = Field(ge=0, lt=1, description="tolerance of the match")
    centred: bool = False

    @property
    def convention(self) -> str:
        return f"maximum_match[epsilon={self.epsilon:g},{self.centring}]"

    @property
    def properties(self) -> Properties:
        return Properties(invariances=self.unchanged_by("neuron permutation", "neuron scaling"))

    @property
    def saturates(self) -> bool:
        return False  # The caution of the profile says it already.

    def statistic_of(self, x: Any, y: ArrayLike | None) -> Any:
        """Moments, or a factor: of two arrays where their moments lack digits."""
        if isinstance(x, Factor) and y is None:
            return x
        moments = super().statistic_of(x, y)
        if y is None or self.profile(moments).settled:
            return moments
        return Factor.from_arrays(x, y)

    def profile(self, statistic: Moments | Factor) -> MatchProfile:
        """The match profile, which holds for every ε."""
        return match_profile(statistic, centred=self.centred)

    def value(self, statistic: Moments | Factor) -> float:
        return self.profile(statistic).similarity(self.epsilon)

    def caution(self, statistic: Moments | Factor) -> str:
        return self.profile(statistic).caution

    def criticals(self, statistic: Any) -> Float64[np.ndarray, " n"]:
        """Critical ε of all neurons, X before Y."""
        profile = self.profile(statistic)
        return np.concatenate((profile.critical_x, profile.critical_y))


@documented(Options)
def maximum_match(
    x: Moments | Factor | ArrayLike,
    y: ArrayLike | None = None,
    *,
    epsilon: float,
    centred: bool = False,
) -> float:
    r"""Share of the neurons of both layers that are in their maximum match at ε.

    .. math:: s^\epsilon = \frac{|X^*| + |Y^*|}{p + q}

    The maximum match :math:`(X^*, Y^*)` is the largest set of neurons of which each is within ε,
    relative to its length, of the span of those of the other layer. The value rises with ε and is
    unchanged by permutations of neurons and a scale for each; a rotation changes it. For all ε at
    once and for the neurons themselves, see `repsim.match_profile`.

    Parameters
    ----------
    epsilon
        Tolerance of the match, 0 ≤ ε < 1.
    centred
        Whether each neuron's mean is removed; the paper does not remove it.

    Returns
    -------
    float
        Dead neurons are in no match and count among p + q.

    References
    ----------
    Wang et al. 2018, "Towards Understanding Learning Representations: To What Extent Do Different
    Neural Networks Learn the Same Representation", section 3.

    Examples
    --------
    >>> import numpy as np
    >>> x, other = np.random.default_rng(0).normal(size=(2, 100, 5))
    >>> maximum_match(x, np.hstack([3 * x, other]), epsilon=0.5)
    0.6666666666666666
    """
    return measured(Options, x, y, epsilon=epsilon, centred=centred)
