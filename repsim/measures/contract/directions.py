"""How many principal directions of a layer a measure keeps."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from repsim.measures.contract.properties import Invariance
from repsim.measures.contract.protocol import Statistic
from repsim.moments.principal import PrincipalLayer
from repsim.options import StrictOptions

__all__ = ["Of", "PrincipalDirections"]

Of = Literal["singular values", "variances"]

DEFAULT_VARIANCE = 0.99

# A share that is reached but for the rounding of the second moment's sums is reached.
ROUNDING = 1e-12


class PrincipalDirections(StrictOptions):
    """Options of the measures that compare the leading principal directions of two layers."""

    variance: float = Field(
        default=DEFAULT_VARIANCE, gt=0, le=1, description="share that the kept directions have"
    )
    of: Of = Field(default="singular values", description="what the share is of")
    directions: int | None = Field(
        default=None, ge=1, description="kept directions, instead of a share"
    )
    centred: bool = True

    statistic: ClassVar[Statistic] = "moments"

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
        centring = "centred" if self.centred else "uncentred"
        if self.directions is not None:
            return f"directions={self.directions},{centring}"
        return f"variance={self.variance:g},of={self.of},{centring}"

    @property
    def unchanged_by(self) -> frozenset[Invariance]:
        """What does not change the directions of a layer, as vectors over the samples."""
        kept: set[Invariance] = {"orthogonal", "isotropic scaling"}
        return frozenset(kept | {"translation"} if self.centred else kept)

    def kept(self, layer: PrincipalLayer) -> int:
        """Number of directions of a layer that is not constant; never more than there are."""
        if self.directions is not None:
            return min(self.directions, layer.directions)
        shares = layer.variances if self.of == "variances" else np.sqrt(layer.variances)
        running = np.cumsum(shares)
        enough = self.variance * running[-1] * (1 - ROUNDING)
        return min(int(np.searchsorted(running, enough)) + 1, layer.directions)
