"""The maximum match at one ε in the form of a measure."""

from typing import ClassVar

from pydantic import Field

from repsim.matching import match_profile
from repsim.measures import Invariance, Properties, Statistic
from repsim.moments import Moments
from repsim.options import StrictOptions

__all__ = ["MaximumMatch"]


class MaximumMatch(StrictOptions):
    """Maximum matching similarity at one ε, in the form of a measure."""

    epsilon: float = Field(ge=0, lt=1, description="tolerance of the match")
    centred: bool = False

    statistic: ClassVar[Statistic] = "moments"

    @property
    def convention(self) -> str:
        """What stands beside each value."""
        centring = "centred" if self.centred else "uncentred"
        return f"maximum_match[epsilon={self.epsilon:g},{centring}]"

    @property
    def properties(self) -> Properties:
        """Those of spans of neurons: a neuron can be scaled, and not mixed with others."""
        kept: set[Invariance] = {"neuron permutation", "neuron scaling"}
        return Properties(
            symmetric=True,
            least=0.0,
            most=1.0,
            best=1.0,
            larger_is_more_similar=True,
            invariances=frozenset(kept | {"translation"} if self.centred else kept),
        )

    def value(self, moments: Moments) -> float:
        """Share of the neurons of both layers that are in the maximum match."""
        return float(match_profile(moments, centred=self.centred).similarity(self.epsilon))
