"""Linear CKA from minibatches (Nguyen, Raghu and Kornblith 2020)."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float64
from pydantic import Field

from repsim.examples import ExampleGram, ExamplePair, Features
from repsim.examples.alignment import half, u_centred, unit
from repsim.measures.contract import (
    ROTATIONS,
    ExamplesMeasure,
    Properties,
    documented,
    measured,
)
from repsim.moments import ArrayLike

__all__ = ["Options", "minibatch_cka"]

# HSIC₁ is defined from four examples on.
LEAST = 4


class Options(ExamplesMeasure):
    """Options of minibatch CKA."""

    batch: int = Field(default=256, ge=LEAST, description="consecutive examples of a batch")

    centred: ClassVar[bool] = True
    undefined: ClassVar[str] = "it is constant in every batch"
    # It has no bias to correct, and fewer examples make other batches.
    halves: ClassVar[bool] = False

    @property
    def convention(self) -> str:
        return f"minibatch_cka[linear,debiased,batch={self.batch},ratio of sums,{self.features}]"

    @property
    def properties(self) -> Properties:
        return Properties(least=-1.0, invariances=ROTATIONS)

    def unit_vector(self, layer: ExampleGram) -> Float64[np.ndarray, " m"]:
        """The U-centred kernels of all batches, together of length 1."""
        stops = range(0, max(layer.count, 1), self.batch)
        batches = [slice(start, start + self.batch) for start in stops]
        about_shift = layer.about_shift
        kernels = [about_shift[batch, batch] for batch in batches]
        # A last batch too small for an estimate is left out, unless it is the only one.
        kernels = [k for k in kernels if len(k) >= LEAST] or kernels
        return unit(np.concatenate([half(u_centred(k), diagonal=False) for k in kernels]))

    def caution(self, pair: ExamplePair) -> str:
        if pair.count >= self.batch:
            return ""
        return (
            f"Minibatch CKA was asked for with batches of {self.batch} examples, but there are "
            f"{pair.count}: they are one batch, and the value is that of debiased CKA."
        )


@documented(Options)
def minibatch_cka(
    x: ExamplePair | ArrayLike,
    y: ArrayLike | None = None,
    *,
    batch: int = 256,
    features: Features = "averaged",
) -> float:
    r"""Linear CKA as it is estimated from minibatches, to set beside values of others.

    .. math:: \frac{\sum_b \mathrm{HSIC}_1(K_b, L_b)}
              {\sqrt{\sum_b \mathrm{HSIC}_1(K_b, K_b)}\sqrt{\sum_b \mathrm{HSIC}_1(L_b, L_b)}}

    with the kernels :math:`K_b = X_b X_b^\top` of batches of consecutive examples: a ratio of sums,
    never a mean of ratios, which would depend on the size of the batch. Debiased `cka` of the whole
    is what it estimates, and takes less time here; with fewer examples than `batch`, all are one
    batch and the two are equal. A last batch that is not full counts by its n (n - 3), which is 0
    below 4 examples.

    It is symmetric and between -1 and 1; negative values are left as they are. Invariant to
    orthogonal maps, one scale and translations, but not to the order of the examples: where
    examples are sorted by class, no batch sees the differences between classes.

    Parameters
    ----------
    batch
        Examples of a batch.
    features
        ``"averaged"`` over positions, or ``"flattened"`` as in the paper's code; without positions,
        the same.

    Returns
    -------
    float
        NaN where a layer is constant in all batches.

    Raises
    ------
    InputError
        With fewer than 4 examples.

    References
    ----------
    Nguyen, Raghu and Kornblith 2020, "Do Wide and Deep Networks Learn the Same Things?", and
    ``efficient_CKA.py`` of its code; Song et al. 2012 for HSIC₁.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(600, 5))
    >>> round(minibatch_cka(x, 3 * x[:, ::-1] + 1), 12)
    1.0
    """
    return measured(Options, x, y, batch=batch, features=features)
