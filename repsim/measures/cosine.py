"""Cosine distance of two layers, neuron by neuron."""

import numpy as np

from repsim.measures.contract import CentredOption, Properties, documented, measured
from repsim.moments import ArrayLike, Moments

__all__ = ["Options", "cosine", "inner_products"]


class Options(CentredOption):
    """Options of the cosine distance."""

    centred: bool = False

    @property
    def convention(self) -> str:
        return f"cosine[distance,{self.centring}]"

    @property
    def properties(self) -> Properties:
        return Properties(most=2.0, best=0.0, invariances=self.unchanged_by("isotropic scaling"))

    def value(self, moments: Moments) -> float:
        xx, xy, yy = inner_products(moments, centred=self.centred)
        if not xx or not yy:
            return float("nan")
        return float(1 - np.clip(xy / np.sqrt(xx) / np.sqrt(yy), -1, 1))


def inner_products(moments: Moments, *, centred: bool) -> tuple[float, float, float]:
    """Of X with itself, of X with Y, and of Y with itself, as vectors of all their numbers.

    Neuron i of X stands beside neuron i of Y; the narrower layer has dead neurons at its end.
    """
    of = moments.centred() if centred else moments.raw()
    return float(of.xx.trace()), float(of.xy.trace()), float(of.yy.trace())


@documented(Options)
def cosine(x: Moments | ArrayLike, y: ArrayLike | None = None, *, centred: bool = False) -> float:
    r"""One less the cosine of two layers as vectors of all their numbers.

    .. math:: 1 - \frac{\langle X, Y \rangle_F}{\|X\|_F \|Y\|_F}

    Neuron i of X is compared with neuron i of Y and no other: a permutation or rotation of the
    neurons of one layer changes it, which CCA does not see, as Morcos et al. 2018 show. So it says
    something of one network at two moments, or at two positions of a sequence, and nothing of two
    networks from different seeds. The narrower of two layers is taken to have dead neurons.

    Parameters
    ----------
    centred
        Whether each neuron's mean is removed.

    Returns
    -------
    float
        0 (equal up to one positive scale) to 2; NaN when a layer is zero.

    References
    ----------
    Morcos, Raghu and Bengio 2018, "Insights on representational similarity in neural networks with
    canonical correlation", which does not say over what its cosine is taken: over samples and
    neurons together is our reading.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 5))
    >>> round(cosine(x, 3 * x), 12), round(cosine(x, -x), 12)
    (0.0, 2.0)
    """
    return measured(Options, x, y, centred=centred)
