r"""Two inputs, and how far apart training moves them (van Rossem and Saxe 2024).

Of a network that is flexible enough, the distance of two nearby inputs in a hidden layer follows
the same equations whatever its architecture:

.. math::
    \dot H &= -\eta_h |dx|^2 w \\
    \dot Y &= -w (\eta_y H + \eta_h |dx|^2 Y / H) \\
    \dot w &= -\tfrac12 \eta_y (3 w - Y + |dy|^2) H - \tfrac12 \eta_h |dx|^2 (Y + w) w / H

with H the squared distance in the hidden layer, Y that of the outputs, w = Y - dy · (outputs'
difference), dx and dy the differences of inputs and targets. The rates η depend on architecture and
initial weights, and are fitted.

Source: arXiv:2402.09142, section 3, and its code (conserved quantity and final distance).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

from repsim.errors import InputError

__all__ = ["Fit", "Term", "Trajectory", "TwoPoints", "fit_rates"]

Times = Float64[np.ndarray, " t"]
Term = Literal["H", "Y by decoder", "Y by encoder", "w by decoder", "w by encoder"]
"""The terms on the right of the equations: one of H, two of Y, two of w."""

# Rates are looked for within these factors of where they are expected.
FAR = 1e6


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """Measured or computed distances of two inputs over training.

    Parameters
    ----------
    times
        (t,), rising: steps times the learning rate, or steps.
    hidden, outputs, overlap
        H, Y and w at these times, each (t,).
    """

    times: Times
    hidden: Times
    outputs: Times
    overlap: Times

    def __post_init__(self) -> None:
        parts = {"times": self.times, **self.values}
        shapes = {name: part.shape for name, part in parts.items()}
        if self.times.ndim != 1 or len(self.times) < 3 or len(set(shapes.values())) > 1:
            raise InputError(f"Expected at least three times, and as many of each. Got {shapes}.")
        bad = [name for name, part in parts.items() if not np.isfinite(part).all()]
        if bad:
            raise InputError(f"Expected finite numbers. Got others in {', '.join(bad)}.")
        if (np.diff(self.times) <= 0).any():
            raise InputError("Expected times that rise. Got some that do not.")
        if (self.hidden <= 0).any():
            raise InputError(
                "Expected two inputs that the hidden layer tells apart (H > 0). Got a distance of "
                f"{self.hidden.min():g}."
            )

    @property
    def values(self) -> dict[str, Times]:
        """The three distances by name."""
        return {"hidden": self.hidden, "outputs": self.outputs, "overlap": self.overlap}


@dataclass(frozen=True, kw_only=True)
class TwoPoints:
    """The equations with their rates.

    Parameters
    ----------
    dx2, dy2
        Squared distances of the inputs and of the targets.
    eta_h, eta_y
        Rates of encoder and decoder, per unit of time.
    factors
        What terms are multiplied by; 1 unless given. Others than 1 are another theory, which
        networks should not follow (0: left out; -1: the wrong sign).

    Examples
    --------
    >>> theory = TwoPoints(dx2=1.0, dy2=0.5, eta_h=1.0, eta_y=1.0)
    >>> found = theory.trajectory(np.linspace(0, 200, 50), hidden=0.01, outputs=0.001, overlap=0.0)
    >>> round(float(found.hidden[-1]), 4), round(theory.final_hidden(0.01, 0.001), 4)
    (0.6635, 0.6635)
    """

    dx2: float
    dy2: float
    eta_h: float
    eta_y: float
    factors: Mapping[Term, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rates = {"dx2": self.dx2, "eta_h": self.eta_h, "eta_y": self.eta_y}
        for name, value in rates.items():
            if not (np.isfinite(value) and value > 0):
                raise InputError(f"Expected {name} above 0. Got {value:g}.")
        if not (np.isfinite(self.dy2) and self.dy2 >= 0):
            raise InputError(f"Expected dy2 of at least 0. Got {self.dy2:g}.")
        unknown = self.factors.keys() - set(get_args(Term))
        if unknown:
            known = ", ".join(get_args(Term))
            raise InputError(f"Expected terms among {known}. Got {', '.join(sorted(unknown))}.")

    def slopes(self, hidden: float, outputs: float, overlap: float) -> tuple[float, float, float]:
        """How fast H, Y and w change."""
        of = {term: self.factors.get(term, 1.0) for term in get_args(Term)}
        encoder, decoder = self.eta_h * self.dx2, self.eta_y
        return (
            of["H"] * -encoder * overlap,
            -overlap
            * (
                of["Y by decoder"] * decoder * hidden
                + of["Y by encoder"] * encoder * outputs / hidden
            ),
            of["w by decoder"] * -0.5 * decoder * (3 * overlap - outputs + self.dy2) * hidden
            + of["w by encoder"] * -0.5 * encoder * (outputs + overlap) * overlap / hidden,
        )

    def trajectory(
        self, times: Times, *, hidden: float, outputs: float, overlap: float
    ) -> Trajectory:
        """H, Y and w at `times`, from their values at the first of them.

        Raises
        ------
        InputError
            Where the equations have no solution that far: with factors, H may reach 0.
        """
        times = np.asarray(times, dtype=np.float64)

        def slopes(_: float, at: np.ndarray) -> tuple[float, float, float]:
            # H is above 0 as long as the equations are those of the paper.
            return self.slopes(max(float(at[0]), 1e-300), float(at[1]), float(at[2]))

        solved = solve_ivp(
            slopes,
            (times[0], times[-1]),
            (hidden, outputs, overlap),
            method="LSODA",
            t_eval=times,
            rtol=1e-9,
            atol=1e-12,
        )
        if not solved.success or solved.y.shape[1] < len(times):
            raise InputError(f"Expected equations with a solution. Got: {solved.message}")
        return Trajectory(times=times, hidden=solved.y[0], outputs=solved.y[1], overlap=solved.y[2])

    def conserved(self, hidden: Times, outputs: Times) -> Times:
        r"""What training leaves as it is, :math:`H / (\eta_h |dx|^2) - (Y / H) / \eta_y`."""
        return np.asarray(hidden / (self.eta_h * self.dx2) - outputs / hidden / self.eta_y)

    def final_hidden(self, hidden: float, outputs: float) -> float:
        r"""H after training, from H and Y before it.

        .. math:: \tfrac A2 + \sqrt{\tfrac{A^2}4 + B^2}, \quad
            A = H_0 - \frac{\eta_h}{\eta_y} |dx|^2 \frac{Y_0}{H_0}, \quad
            B = \sqrt{\eta_h / \eta_y} |dx| |dy|

        With small initial weights it is B, whatever they are (rich); with large ones H stays at
        H₀, whatever the targets are (lazy).
        """
        ratio = self.eta_h / self.eta_y
        start = hidden - ratio * self.dx2 * outputs / hidden
        return float(start / 2 + np.sqrt(start**2 / 4 + ratio * self.dx2 * self.dy2))


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Rates that were fitted to a trajectory."""

    theory: TwoPoints
    trajectory: Trajectory
    """What the theory says, at the times of the measured one."""
    squared_error: float
    """Sum over times and the three distances."""
    normalised_error: float
    """That as a share of the sum of squares of each distance about its mean, summed."""


def fit_rates(
    measured: Trajectory,
    *,
    dx2: float,
    dy2: float,
    factors: Mapping[Term, float] | None = None,
) -> Fit:
    """The rates with which the theory is nearest to a measured trajectory.

    The ratio of the rates is first taken from the conserved quantity at both ends, their size from
    the change of H as far as w explains it; both are then fitted by least squares to H, Y and w,
    also from rates ten times as high and as low, and the best fit is kept.

    Raises
    ------
    InputError
        When no rates give a solution.
    """
    ends = [
        (float(measured.hidden[at]), float(measured.outputs[at]), float(measured.overlap[at]))
        for at in (0, -1)
    ]
    start = {"hidden": ends[0][0], "outputs": ends[0][1], "overlap": ends[0][2]}
    target = np.concatenate(list(measured.values.values()))

    def theory(logs: np.ndarray) -> TwoPoints:
        eta_h, eta_y = np.exp(logs)
        return TwoPoints(
            dx2=dx2, dy2=dy2, eta_h=float(eta_h), eta_y=float(eta_y), factors=dict(factors or {})
        )

    def differences(logs: np.ndarray) -> np.ndarray:
        try:
            found = theory(logs).trajectory(measured.times, **start)
        except InputError:
            return np.full(len(target), 1e6)
        differ: np.ndarray = np.concatenate(list(found.values.values())) - target
        return differ

    first = np.log(_expected(measured, dx2))
    fits = [
        least_squares(
            differences,
            first + np.log(scale),
            bounds=(first - np.log(FAR), first + np.log(FAR)),
            xtol=1e-10,
            ftol=1e-12,
        )
        for scale in (1.0, 10.0, 0.1)
    ]
    best = min(fits, key=lambda fit: float(fit.cost))
    error = 2 * float(best.cost)
    if error >= 1e12:
        raise InputError("Expected rates with which the equations have a solution. Got none.")
    spread = sum(float(np.sum((v - v.mean()) ** 2)) for v in measured.values.values())
    fitted = theory(best.x)
    return Fit(
        theory=fitted,
        trajectory=fitted.trajectory(measured.times, **start),
        squared_error=error,
        normalised_error=error / spread if spread else np.nan,
    )


def _expected(measured: Trajectory, dx2: float) -> tuple[float, float]:
    """Rates of encoder and decoder, from both ends and the change of H."""
    hidden, outputs, overlap = measured.hidden, measured.outputs, measured.overlap
    change = float(hidden[-1] - hidden[0])
    # H changes by -η_h dx² times the integral of w.
    area = -float(np.trapezoid(overlap, measured.times))
    eta_h = change / (dx2 * area) if area and change / area > 0 else 1 / np.ptp(measured.times)
    shift = float(outputs[-1] / hidden[-1] - outputs[0] / hidden[0])
    ratio = change / dx2 / shift if shift and change / shift > 0 else 1.0
    return float(eta_h), float(eta_h / ratio)
