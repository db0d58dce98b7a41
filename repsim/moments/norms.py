"""Sums of the samples' squared norms: what the debiased HSIC needs beside the second moments."""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float64

from repsim.named_arrays import NamedArrays

__all__ = ["Norms"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Norms(NamedArrays):
    r"""Sums over the samples of X (d × p) and Y (d × q) with their squared norms. They add.

    The unbiased HSIC leaves out the inner product of a sample with itself: in terms of neurons, it
    takes these sums off (Song et al. 2012, equation 5, written for linear kernels).

    Parameters
    ----------
    xx, xy, yy : float
        :math:`\sum_i |x_i|^4`, :math:`\sum_i |x_i|^2 |y_i|^2`, :math:`\sum_i |y_i|^4`.
    x_xx, x_yy : array (p,)
        :math:`\sum_i x_i |x_i|^2`, :math:`\sum_i x_i |y_i|^2`.
    y_xx, y_yy : array (q,)
        :math:`\sum_i y_i |x_i|^2`, :math:`\sum_i y_i |y_i|^2`.
    """

    xx: float
    xy: float
    yy: float
    x_xx: Float64[np.ndarray, " p"]
    x_yy: Float64[np.ndarray, " p"]
    y_xx: Float64[np.ndarray, " q"]
    y_yy: Float64[np.ndarray, " q"]

    @classmethod
    def zeros(cls, p: int, q: int) -> "Norms":
        """Of no samples."""
        x, y = np.zeros(p), np.zeros(q)
        return cls(xx=0.0, xy=0.0, yy=0.0, x_xx=x, x_yy=x, y_xx=y, y_yy=y)

    @classmethod
    def from_products(
        cls,
        xx: Float64[np.ndarray, "m m"],
        xy: Float64[np.ndarray, "m n"],
        yy: Float64[np.ndarray, "n n"],
    ) -> "Norms":
        """From products of samples with their squared norms (`repsim.moments.samples.extended`)."""
        return cls(
            xx=float(xx[-2, -2]),
            xy=float(xy[-2, -2]),
            yy=float(yy[-2, -2]),
            x_xx=xx[:-2, -2],
            x_yy=xy[:-2, -2],
            y_xx=xy[-2, :-2],
            y_yy=yy[:-2, -2],
        )

    def __add__(self, other: "Norms") -> "Norms":
        return type(self)(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )

    def __sub__(self, other: "Norms") -> "Norms":
        return type(self)(
            **{f.name: getattr(self, f.name) - getattr(other, f.name) for f in fields(self)}
        )

    def scaled(self, x: float, y: float) -> "Norms":
        """The same sums of samples X times `x` and Y times `y`."""
        return type(self)(
            xx=self.xx * x**4,
            xy=self.xy * x**2 * y**2,
            yy=self.yy * y**4,
            x_xx=self.x_xx * x**3,
            x_yy=self.x_yy * (x * y**2),
            y_xx=self.y_xx * (x**2 * y),
            y_yy=self.y_yy * y**3,
        )

    def about(
        self,
        mu: Float64[np.ndarray, " p"],
        nu: Float64[np.ndarray, " q"],
        *,
        count: int,
        sum_x: Float64[np.ndarray, " p"],
        sum_y: Float64[np.ndarray, " q"],
        xx: Float64[np.ndarray, "p p"],
        xy: Float64[np.ndarray, "p q"],
        yy: Float64[np.ndarray, "q q"],
    ) -> "Norms":
        r"""The same sums of X - μ and Y - ν, from the moments of X and Y, multiplied out.

        With :math:`|x_i - \mu|^2 = |x_i|^2 - 2 \mu^\top x_i + |\mu|^2`. Exact up to rounding,
        which grows with the fourth power of the distance moved, in standard deviations.
        """
        a, b = float(mu @ mu), float(nu @ nu)
        n, m = float(xx.trace()), float(yy.trace())
        mu_x, nu_y = float(mu @ sum_x), float(nu @ sum_y)
        xx_mu, xy_nu, mu_xy, yy_nu = xx @ mu, xy @ nu, mu @ xy, yy @ nu
        # Sums of |x - μ|² and of |y - ν|².
        near_mu, near_nu = n - 2 * mu_x + count * a, m - 2 * nu_y + count * b
        return type(self)(
            xx=float(self.xx - 4 * mu @ self.x_xx + 4 * mu @ xx_mu)
            + (2 * a * n - 4 * a * mu_x + count * a * a),
            xy=float(self.xy - 2 * nu @ self.y_xx - 2 * mu @ self.x_yy + 4 * mu @ xy_nu)
            + (b * n + a * m - 2 * b * mu_x - 2 * a * nu_y + count * a * b),
            yy=float(self.yy - 4 * nu @ self.y_yy + 4 * nu @ yy_nu)
            + (2 * b * m - 4 * b * nu_y + count * b * b),
            x_xx=self.x_xx - 2 * xx_mu + a * sum_x - mu * near_mu,
            x_yy=self.x_yy - 2 * xy_nu + b * sum_x - mu * near_nu,
            y_xx=self.y_xx - 2 * mu_xy + a * sum_y - nu * near_mu,
            y_yy=self.y_yy - 2 * yy_nu + b * sum_y - nu * near_nu,
        )

    def cleared(self, left_x: Bool[np.ndarray, " p"], left_y: Bool[np.ndarray, " q"]) -> "Norms":
        """With exact zeros for neurons of which only rounding is left, and for layers of them."""
        any_x, any_y = bool(left_x.any()), bool(left_y.any())
        return type(self)(
            xx=self.xx * any_x,
            xy=self.xy * (any_x and any_y),
            yy=self.yy * any_y,
            x_xx=np.where(left_x, self.x_xx, 0.0),
            x_yy=np.where(left_x & any_y, self.x_yy, 0.0),
            y_xx=np.where(left_y & any_x, self.y_xx, 0.0),
            y_yy=np.where(left_y, self.y_yy, 0.0),
        )
