"""How many principal directions of a layer a measure keeps."""

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from repsim.measures.contract.measure import CentredOption
from repsim.moments.principal import PrincipalLayer

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

    def kept(self, layer: PrincipalLayer) -> int:
        """Number of directions of a layer that is not constant; never more than there are."""
        if self.directions is not None:
            return min(self.directions, layer.directions)
        shares = layer.variances if self.of == "variances" else np.sqrt(layer.variances)
        running = np.cumsum(shares)
        enough = self.variance * running[-1] * (1 - ROUNDING)
        return min(int(np.searchsorted(running, enough)) + 1, layer.directions)
