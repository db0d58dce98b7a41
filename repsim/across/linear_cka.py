"""Linear CKA from inner products of examples: for features of any number."""

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float64

from repsim.across.first_component import first_component, without_first_component
from repsim.examples import ExampleGram
from repsim.examples.alignment import centred, half, u_centred, unit
from repsim.measures.contract import ROTATIONS, ExamplesMeasure, Properties

__all__ = ["LinearCKA"]


class LinearCKA(ExamplesMeasure):
    r"""Linear CKA of two layers from their examples × examples.

    .. math:: \frac{\langle \tilde K, \tilde L \rangle}{\|\tilde K\|_F \|\tilde L\|_F}, \quad
              K = X X^\top, L = Y Y^\top

    with K̃ centred (biased: the value of `repsim.cka` on the same rows) or U-centred (debiased).
    Biased, layers of more features than examples look alike whatever they hold, so flattened maps
    want the debiased estimate.

    With the first principal component removed from each layer, what is left of a similarity is not
    due to one direction (Nguyen, Raghu and Kornblith 2020).

    References
    ----------
    Kornblith et al. 2019, equations 3 to 5; Song et al. 2012 for the unbiased HSIC₁; Nguyen, Raghu
    and Kornblith 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from repsim.examples import example_pair
    >>> x = np.random.default_rng(0).normal(size=(20, 3))
    >>> round(LinearCKA(debiased=True).value(example_pair(x, 2 * x + 1)), 12)
    1.0
    """

    debiased: bool = False
    first_component: Literal["kept", "removed"] = "kept"
    centred: ClassVar[bool] = True

    @property
    def convention(self) -> str:
        """Id of the exact definition."""
        bias = "debiased" if self.debiased else "biased"
        first = ",first component removed" if self.first_component == "removed" else ""
        return f"cka[linear,centred,{bias}{first},{self.features}]"

    @property
    def properties(self) -> Properties:
        """Those of linear CKA."""
        return Properties(least=-1.0 if self.debiased else 0.0, invariances=ROTATIONS)

    def unit_vector(self, layer: ExampleGram) -> Float64[np.ndarray, " m"]:
        """The inner products about their means, of length 1."""
        gram = layer.about_shift
        if self.first_component == "removed":
            gram = without_first_component(layer, first_component(layer)).gram
        about_means = u_centred(gram) if self.debiased else centred(gram)
        return unit(half(about_means, diagonal=not self.debiased))
