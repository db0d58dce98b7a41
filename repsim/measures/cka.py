"""Linear CKA (Kornblith et al. 2019)."""

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float64

from repsim.errors import InputError
from repsim.examples import ExampleGram
from repsim.examples.alignment import aligned
from repsim.examples.first_component import first_component, without_first_component
from repsim.measures.contract import (
    ROTATIONS,
    ExamplesMeasure,
    MomentsMeasure,
    Presets,
    Properties,
    documented,
    measured,
    rounding_of,
)
from repsim.moments import ArrayLike, Moments
from repsim.moments.principal import principal

__all__ = ["LinearCKA", "Options", "cka"]

Compat = Literal["anatome", "netrep"]


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
        bias = "debiased" if self.debiased else "biased"
        first = ",first component removed" if self.first_component == "removed" else ""
        return f"cka[linear,centred,{bias}{first},{self.features}]"

    @property
    def properties(self) -> Properties:
        return Properties(least=-1.0 if self.debiased else 0.0, invariances=ROTATIONS)

    def unit_vector(self, layer: ExampleGram) -> Float64[np.ndarray, " m"]:
        """The inner products about their means, of length 1."""
        gram = layer.about_shift
        if self.first_component == "removed":
            gram = without_first_component(layer, first_component(layer)).gram
        return aligned(gram, debiased=self.debiased)


class Options(MomentsMeasure):
    """Options of linear CKA; neurons are always centred."""

    debiased: bool = False
    compat: Compat | None = None

    centred: ClassVar[bool] = True
    presets: ClassVar[Presets] = {"anatome": {"debiased": False}, "netrep": {"debiased": False}}

    @classmethod
    def by_examples(cls) -> type[LinearCKA]:
        return LinearCKA

    @property
    def convention(self) -> str:
        return f"cka[{self.library}linear,centred,{'debiased' if self.debiased else 'biased'}]"

    @property
    def properties(self) -> Properties:
        return Properties(
            least=-1.0 if self.debiased else 0.0,
            most=np.pi / 2 if self.compat == "netrep" else 1.0,
            best=0.0 if self.compat else 1.0,
            invariances=ROTATIONS,
        )

    @property
    def saturates(self) -> bool:
        return not self.debiased

    def rounding(self, moments: Moments) -> float:
        error = super().rounding(moments)
        return _debiased_rounding(moments, error) if self.debiased else error

    def value(self, moments: Moments) -> float:
        value = _debiased(moments) if self.debiased else _biased(moments)
        match self.compat:
            case "anatome":
                return 1 - value
            case "netrep":
                return float(np.arccos(min(value, 1.0)))
        return value


@documented(Options)
def cka(
    x: Moments | ArrayLike,
    y: ArrayLike | None = None,
    *,
    debiased: bool = False,
    compat: Compat | None = None,
) -> float:
    r"""Linear centred kernel alignment of two layers.

    .. math:: \frac{\mathrm{HSIC}(X, Y)}{\sqrt{\mathrm{HSIC}(X, X)\,\mathrm{HSIC}(Y, Y)}}, \qquad
              \mathrm{HSIC}_0 = \|X^\top Y\|_F^2, \quad
              \mathrm{HSIC}_1 = \|X^\top Y\|_F^2 - \tfrac{d}{d-2} \sum_i |x_i|^2 |y_i|^2
              + \tfrac{\|X\|_F^2 \|Y\|_F^2}{(d-1)(d-2)}

    of centred neurons, with the rows :math:`x_i` of d samples. It is symmetric, 1 for layers that
    are the same up to rotation and one scale, and invariant to orthogonal maps of the neurons, one
    scale and a constant added to each neuron. Directions weigh by their variance: one large one can
    decide the value.

    The biased estimate (:math:`\mathrm{HSIC}_0`) is between 0 and 1. Unrelated layers do not get 0
    but about √(p q) / d, where all directions have the same variance: read it against samples /
    neurons. Debiased (:math:`\mathrm{HSIC}_1`), it is between -1 and 1 and about 0 for unrelated
    layers; a negative value is left as it is. It takes samples as independent, which positions of
    one image are not.

    Parameters
    ----------
    debiased
        Whether HSIC is estimated without bias, with the samples as rows.
    compat
        As another library has it, biased: ``"anatome"``, ``linear_cka_distance``: 1 - CKA;
        ``"netrep"``, ``LinearCKA``: arccos(CKA). (anatome's ``reduce_bias`` mixes up the two layers
        and is left out.)

    Returns
    -------
    float
        NaN when a layer is constant.

    Raises
    ------
    InputError
        Debiased, with fewer than 4 samples.

    References
    ----------
    Kornblith, Norouzi, Lee and Hinton 2019, "Similarity of Neural Network Representations
    Revisited", equation 5 and section 3; Song, Smola, Gretton, Bedo and Borgwardt 2012, "Feature
    Selection via Dependence Maximization", equation 5, for HSIC₁.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 5))
    >>> rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    >>> round(cka(x, 3 * x @ rotation), 12)
    1.0
    >>> other = np.random.default_rng(2).normal(size=(100, 5))
    >>> round(cka(x, other), 3), round(cka(x, other, debiased=True), 3)
    (0.041, -0.01)
    """
    return measured(Options, x, y, debiased=debiased, compat=compat)


def _biased(moments: Moments) -> float:
    pair = principal(moments, centred=True)
    norms = pair.x.square_norm * pair.y.square_norm
    return float(np.sum(pair.xy**2) / norms) if norms else float("nan")


def _debiased(moments: Moments) -> float:
    d = moments.count
    if d < 4:
        raise InputError(f"Expected at least 4 samples for a debiased estimate. Got {d}.")
    xy, xx, yy = (sum(terms) for terms in _hsic_terms(moments))
    return float(xy / np.sqrt(xx * yy)) if xx > 0 and yy > 0 else float("nan")


def _hsic_terms(moments: Moments) -> tuple[tuple[float, float, float], ...]:
    """The terms of HSIC₁ times d (d - 3), of X with Y, with itself, and of Y with itself.

    With centred neurons the sums of a kernel's rows vanish.
    """
    d, pair = moments.count, principal(moments, centred=True)

    def terms(product: float, of_norms: float, traces: float) -> tuple[float, float, float]:
        return product, -d / (d - 2) * of_norms, traces / ((d - 1) * (d - 2))

    norms, of_x, of_y = pair.norms, pair.x, pair.y
    return (
        terms(float(np.sum(pair.xy**2)), norms.xy, of_x.trace * of_y.trace),
        terms(of_x.square_norm**2, norms.xx, of_x.trace**2),
        terms(of_y.square_norm**2, norms.yy, of_y.trace**2),
    )


def _debiased_rounding(moments: Moments, error: float) -> float:
    """Error of the ratio when second moments are off by `error`, relative.

    Fourth moments are off by what they were about the origin, and terms of opposite sign cancel
    where single samples are far above all others.
    """
    xy, xx, yy = _hsic_terms(moments)
    hsic_xx, hsic_yy = sum(xx), sum(yy)
    if not (hsic_xx > 0 and hsic_yy > 0):
        return float("inf")
    about_origin = rounding_of(moments) * np.array([moments.norms.xx, moments.norms.yy])
    absolute = [
        error * sum(map(abs, terms)) + extra
        for terms, extra in zip(
            (xy, xx, yy), (np.sqrt(np.prod(about_origin)), *about_origin), strict=True
        )
    ]
    value = abs(sum(xy)) / np.sqrt(hsic_xx * hsic_yy)
    return float(
        absolute[0] / np.sqrt(hsic_xx * hsic_yy)
        + value / 2 * (absolute[1] / hsic_xx + absolute[2] / hsic_yy)
    )
