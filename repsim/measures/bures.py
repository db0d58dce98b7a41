"""Normalised Bures similarity of two layers (Harvey, Larsen and Williams 2024)."""

import numpy as np

from repsim.measures.contract import CentredOption, Properties, documented, measured
from repsim.moments import ArrayLike, Moments
from repsim.moments.principal import principal

__all__ = ["Options", "bures"]


class Options(CentredOption):
    """Options of the normalised Bures similarity."""

    @property
    def convention(self) -> str:
        return f"bures[normalised similarity,{self.centring}]"

    @property
    def properties(self) -> Properties:
        return Properties(invariances=self.unchanged_by("orthogonal", "isotropic scaling"))

    def value(self, moments: Moments) -> float:
        pair = principal(moments, centred=self.centred)
        if pair.constant:
            return float("nan")
        return float(min(pair.nuclear_norm / np.sqrt(pair.x.trace * pair.y.trace), 1.0))


@documented(Options)
def bures(x: Moments | ArrayLike, y: ArrayLike | None = None, *, centred: bool = True) -> float:
    r"""Normalised Bures similarity (NBS): the fidelity of the two layers' kernels over samples.

    .. math:: \frac{\operatorname{tr}\bigl(K_X^{1/2} K_Y K_X^{1/2}\bigr)^{1/2}}
                   {\sqrt{\operatorname{tr} K_X \operatorname{tr} K_Y}},
              \qquad K_X = X X^\top,\; K_Y = Y Y^\top

    CKA is the cosine of the same kernels, which weighs directions by their variance; here they
    weigh by their standard deviation. The numerator is the nuclear norm of XᵀY, so NBS is the same
    number as ``procrustes(form="similarity")``, the cosine of the angular shape distance: it stands
    here under the name by which kernels are compared. The Bures distance
    :math:`(\operatorname{tr} K_X + \operatorname{tr} K_Y - 2 F)^{1/2}`, F being the numerator, is
    ``procrustes(form="size and shape")``.

    It is symmetric, between 0 and 1 (1: the same up to rotation and one scale), and invariant to
    orthogonal maps of the neurons, one scale and, centred, a constant added to each neuron.
    Unrelated layers do not get 0: read it against samples / neurons.

    Parameters
    ----------
    centred
        Whether each neuron's mean is removed.

    Returns
    -------
    float
        NaN when a layer is constant.

    References
    ----------
    Harvey, Larsen and Williams 2024, "Duality of Bures and Shape Distances with Implications for
    Comparing Neural Representations", https://arxiv.org/abs/2311.11436.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 5))
    >>> round(bures(x, 3 * x[:, ::-1] + 1), 12)
    1.0
    """
    return measured(Options, x, y, centred=centred)
