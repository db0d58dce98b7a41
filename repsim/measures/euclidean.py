"""Euclidean distance of two layers, neuron by neuron."""

import numpy as np

from repsim.measures.contract import CentredOption, Properties, documented, measured
from repsim.measures.cosine import inner_products
from repsim.moments import ArrayLike, Moments

__all__ = ["Options", "euclidean"]


class Options(CentredOption):
    """Options of the Euclidean distance."""

    centred: bool = False

    @property
    def convention(self) -> str:
        return f"euclidean[root mean square,{self.centring}]"

    @property
    def properties(self) -> Properties:
        return Properties(most=np.inf, best=0.0, invariances=self.unchanged_by())

    def value(self, moments: Moments) -> float:
        size_x, _, size_y = inner_products(moments, centred=self.centred)
        if not size_x or not size_y:
            return float("nan")
        # About the means, which are added by themselves: large ones take no digits.
        xx, xy, yy = inner_products(moments, centred=True)
        squared = max(xx - 2 * xy + yy, 0.0) / moments.count
        if not self.centred:
            raw, width = moments.raw(), max(moments.p, moments.q)
            sum_x, sum_y = (np.pad(s, (0, width - len(s))) for s in (raw.sum_x, raw.sum_y))
            squared += float(np.sum(((sum_x - sum_y) / moments.count) ** 2))
        return float(np.sqrt(squared))


@documented(Options)
def euclidean(
    x: Moments | ArrayLike, y: ArrayLike | None = None, *, centred: bool = False
) -> float:
    r"""Root mean square, over the samples, of the distance between two layers' activations.

    .. math:: \sqrt{\tfrac1d \|X - Y\|_F^2}

    Neuron i of X is compared with neuron i of Y, as by `cosine`, whose remarks hold here; and the
    scale of a layer matters.

    Parameters
    ----------
    centred
        Whether each neuron's mean is removed.

    Returns
    -------
    float
        From 0 (equal), without a bound; NaN when a layer is zero, as for every measure. It loses
        digits near 0: of a layer with itself it may be 1e-8 of its size.

    References
    ----------
    Morcos, Raghu and Bengio 2018, "Insights on representational similarity in neural networks with
    canonical correlation"; the mean over samples is our reading.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.ones((10, 2))
    >>> euclidean(x, x + [3, 4])
    5.0
    """
    return measured(Options, x, y, centred=centred)
