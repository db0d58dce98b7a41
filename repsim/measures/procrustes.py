"""Procrustes distance of two layers, in each form that is in use."""

from typing import Literal

import numpy as np

from repsim.measures.contract import CentredOption, Invariance, Properties, documented, measured
from repsim.moments import ArrayLike, Moments
from repsim.moments.principal import principal

__all__ = ["Options", "procrustes"]

Form = Literal[
    "angular",
    "similarity",
    "one minus similarity",
    "squared distance",
    "distance",
    "size and shape",
    "squared size and shape",
]

LARGEST: dict[Form, float] = {
    "angular": np.pi / 2,
    "similarity": 1.0,
    "one minus similarity": 1.0,
    "squared distance": 2.0,
    "distance": np.sqrt(2.0),
    "size and shape": np.inf,
    "squared size and shape": np.inf,
}


class Options(CentredOption):
    """Options of Procrustes."""

    form: Form = "angular"

    @property
    def convention(self) -> str:
        return f"procrustes[{self.form},{self.centring}]"

    @property
    def properties(self) -> Properties:
        of_scale: tuple[Invariance, ...] = () if "size" in self.form else ("isotropic scaling",)
        return Properties(
            most=LARGEST[self.form],
            best=1.0 if self.form == "similarity" else 0.0,
            invariances=self.unchanged_by("orthogonal", *of_scale),
        )

    def value(self, moments: Moments) -> float:
        pair = principal(moments, centred=self.centred)
        if pair.constant:
            return float("nan")
        # By Cauchy and Schwarz; what exceeds it is rounding.
        bound = np.sqrt(pair.x.trace * pair.y.trace)
        nuclear = min(pair.nuclear_norm, bound)
        cosine = nuclear / bound
        x, y = pair.scale_x, pair.scale_y
        sizes = x * (x * pair.x.trace) + y * (y * pair.y.trace)
        squared_size_and_shape = max(sizes - 2 * x * (y * nuclear), 0.0)
        values: dict[Form, float] = {
            "angular": np.arccos(cosine),
            "similarity": cosine,
            "one minus similarity": 1 - cosine,
            "squared distance": 2 - 2 * cosine,
            "distance": np.sqrt(2 - 2 * cosine),
            "size and shape": np.sqrt(squared_size_and_shape),
            "squared size and shape": squared_size_and_shape,
        }
        return float(values[self.form])


@documented(Options)
def procrustes(
    x: Moments | ArrayLike,
    y: ArrayLike | None = None,
    *,
    form: Form = "angular",
    centred: bool = True,
) -> float:
    r"""How far two layers are apart when one is turned to lie on the other as well as it can.

    .. math:: \min_{R^\top R = I} \|X - Y R\|_F^2 = \|X\|_F^2 + \|Y\|_F^2 - 2 \|X^\top Y\|_*, \qquad
              s = \frac{\|X^\top Y\|_*}{\|X\|_F \|Y\|_F}

    with the nuclear norm :math:`\|\cdot\|_*`, the sum of singular values. Layers of different width
    are compared as if the narrower one had dead neurons. It is symmetric and invariant to
    orthogonal maps of the neurons and, centred, to a constant added to each. Unrelated layers do
    not get s = 0 but about √(min(p, q) / d), where all directions have the same variance: read it
    against samples / neurons.

    Parameters
    ----------
    form
        Of the layers at unit norm, so that one scale does not matter:

        - ``"angular"``: arccos s, 0 to π/2, a metric (Williams et al. 2021; netrep's
          ``LinearMetric(alpha=1)``)
        - ``"similarity"``: s itself, 0 to 1; equal to `bures`
        - ``"one minus similarity"``: 1 - s (anatome's ``orthogonal_procrustes_distance``)
        - ``"squared distance"``: 2 - 2s, 0 to 2 (Ding et al. 2021)
        - ``"distance"``: √(2 - 2s), a metric (ReSi's "centered and normalized")

        Of the layers at their own size, not divided by the number of samples:

        - ``"size and shape"``: the root of the minimum above, a metric (ReSi; netrep's
          ``score_method="euclidean"``)
        - ``"squared size and shape"``: the minimum above (``procrustes`` in Ding's code)
    centred
        Whether each neuron's mean is removed.

    Returns
    -------
    float
        NaN when a layer is constant. arccos and the root lose digits near 0: a layer with itself
        may get 1e-8.

    References
    ----------
    Schönemann 1966, "A generalized solution of the orthogonal Procrustes problem"; Williams, Kunz,
    Kornblith and Linderman 2021, "Generalized Shape Metrics on Neural Representations"; Ding,
    Denain and Steinhardt 2021, "Grounding Representation Similarity with Statistical Testing".

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 5))
    >>> rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    >>> round(procrustes(x, 3 * x @ rotation), 6)
    0.0
    >>> round(procrustes(x, 3 * x @ rotation, form="similarity"), 12)
    1.0
    """
    return measured(Options, x, y, form=form, centred=centred)
