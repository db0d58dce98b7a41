"""How many principal directions of a layer a measure keeps."""

from abc import abstractmethod
from typing import Literal

import numpy as np
from jaxtyping import Float64
from pydantic import Field, model_validator

from repsim.measures.contract.measure import CentredOption, check_samples
from repsim.moments import Moments
from repsim.moments.principal import PrincipalLayer, principal

__all__ = ["Of", "PrincipalDirections"]

Of = Literal["singular values", "variances"]

DEFAULT_VARIANCE = 0.99

# A share counts as reached when only the rounding of the second moments is missing.
ROUNDING = 1e-12


class PrincipalDirections(CentredOption):
    """Options of the measures that compare the leading principal directions of two layers."""

    variance: float = Field(
        default=DEFAULT_VARIANCE, gt=0, le=1, description="share that the kept directions reach"
    )
    of: Of = Field(default="singular values", description="what the share is of")
    directions: int | None = Field(
        default=None, ge=1, description="kept directions, instead of a share"
    )

    @model_validator(mode="after")
    def _one_rule(self) -> "PrincipalDirections":
        if self.directions is not None and self.variance != DEFAULT_VARIANCE:
            raise ValueError(
                "Expected directions or variance. "
                f"Got directions = {self.directions} and variance = {self.variance}"
            )
        return self

    @property
    def rule(self) -> str:
        """The rule and the centring, for the convention."""
        if self.directions is not None:
            return f"directions={self.directions},{self.centring}"
        return f"variance={self.variance:g},of={self.of},{self.centring}"

    def value(self, moments: Moments) -> float:
        pair = principal(moments, centred=self.centred)
        if pair.constant:
            return float("nan")
        kept_x, kept_y = self.kept(pair.x), self.kept(pair.y)
        check_samples(self.convention.partition("[")[0], pair, x=kept_x, y=kept_y)
        return self.of_cosines(pair.between_directions(kept_x, kept_y))

    @abstractmethod
    def of_cosines(self, between: Float64[np.ndarray, "k l"], /) -> float:
        """The value, from the inner products of the kept directions of X with those of Y."""

    def kept(self, layer: PrincipalLayer) -> int:
        """Number of directions of a layer that is not constant; never more than there are."""
        if self.directions is not None:
            return min(self.directions, layer.directions)
        shares = layer.variances if self.of == "variances" else np.sqrt(layer.variances)
        running = np.cumsum(shares)
        enough = self.variance * running[-1] * (1 - ROUNDING)
        return min(int(np.searchsorted(running, enough)) + 1, layer.directions)
