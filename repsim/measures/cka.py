"""Linear CKA (Kornblith et al. 2019)."""

import numpy as np

from repsim.errors import InputError
from repsim.moments import Moments
from repsim.options import StrictOptions

__all__ = ["Options", "cka"]


class Options(StrictOptions):
    """Linear CKA has one convention here: neurons centred, biased estimate."""

    @property
    def convention(self) -> str:
        """What stands beside each value."""
        return "cka[linear,centred,biased]"

    @property
    def centred(self) -> bool:
        """Always."""
        return True

    def value(self, moments: Moments) -> float:
        """The measure."""
        return cka(moments)


def cka(x: Moments | np.ndarray, y: np.ndarray | None = None) -> float:
    r"""Linear centred kernel alignment of two layers.

    .. math:: \frac{\|X^\top Y\|_F^2}{\|X^\top X\|_F\,\|Y^\top Y\|_F}, \quad\text{columns centred}

    It is symmetric, between 0 and 1 (1: the same up to rotation and one scale), and invariant to
    orthogonal maps of the neurons and to one scale. This is the biased estimate: unrelated layers
    do not get 0 but about ``p q / d`` of a unit; read it against samples / neurons.

    Parameters
    ----------
    x, y
        Samples × neurons, (d, p) and (d, q), with the same samples in the same order; or the
        moments of the pair alone.

    Returns
    -------
    float
        NaN when a layer is constant.

    Raises
    ------
    InputError
        When `y` is missing, or given beside moments.

    References
    ----------
    Kornblith, Norouzi, Lee and Hinton 2019, "Similarity of Neural Network Representations
    Revisited", equation 5 and section 3.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 5))
    >>> rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    >>> round(cka(x, 3 * x @ rotation), 12)
    1.0
    """
    if isinstance(x, Moments) == (y is not None):
        raise InputError("Expected two arrays, or the moments of a pair alone. Got neither.")
    moments = x if isinstance(x, Moments) else Moments.from_arrays(x, y)
    centred = moments.centred()
    norms = float(np.linalg.norm(centred.xx) * np.linalg.norm(centred.yy))
    return float(np.sum(centred.xy**2) / norms) if norms else float("nan")
