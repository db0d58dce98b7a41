"""The theory of two points against a linear network, of which it is exact, and against itself."""

import numpy as np
import pytest

from repsim.errors import InputError
from repsim.theory.two_points import Trajectory, TwoPoints, fit_rates


def linear_network(scale, *, rate=0.002, steps=20_000, every=200):
    """Gradient descent on ½ mean squared error of a linear network at x = ±dx / 2.

    With one hidden neuron the theory is exact; with more, the decoder has directions besides.
    """
    random = np.random.default_rng(0)
    dx, dy = np.array([1.0, 0.0]), np.array([0.6, 0.4])
    encoder = scale * random.normal(size=(1, 2))
    decoder = scale * random.normal(size=(2, 1))
    rows = []
    for step in range(steps + 1):
        hidden, outputs = encoder @ dx, decoder @ encoder @ dx
        if step % every == 0:
            rows.append((step * rate, hidden @ hidden, outputs @ outputs, outputs @ (outputs - dy)))
        error = (outputs - dy) / 4
        encoder, decoder = (
            encoder - rate * np.outer(decoder.T @ error, dx),
            decoder - rate * np.outer(error, hidden),
        )
    times, hidden, outputs, overlap = np.array(rows).T
    return (
        Trajectory(times=times, hidden=hidden, outputs=outputs, overlap=overlap),
        dx @ dx,
        dy @ dy,
    )


@pytest.mark.parametrize("scale", [0.1, 0.5, 1.5])
def test_a_linear_network_follows_the_equations(scale):
    measured, dx2, dy2 = linear_network(scale)
    theory = TwoPoints(dx2=dx2, dy2=dy2, eta_h=0.5, eta_y=0.5)
    found = theory.trajectory(
        measured.times,
        hidden=measured.hidden[0],
        outputs=measured.outputs[0],
        overlap=measured.overlap[0],
    )
    for name, value in measured.values.items():
        np.testing.assert_allclose(found.values[name], value, atol=2e-3)


@pytest.mark.parametrize("scale", [0.1, 0.5])
def test_its_rates_are_found(scale):
    measured, dx2, dy2 = linear_network(scale)
    fit = fit_rates(measured, dx2=dx2, dy2=dy2)
    assert fit.theory.eta_h == pytest.approx(0.5, rel=0.02)
    assert fit.theory.eta_y == pytest.approx(0.5, rel=0.02)
    assert fit.normalised_error < 1e-4


@pytest.mark.parametrize(
    "factors", [{"H": -1.0}, {"Y by encoder": 0.0}, {"w by decoder": 2.0}, {"H": 2.0}]
)
def test_other_equations_fit_worse(factors):
    measured, dx2, dy2 = linear_network(0.3)
    right = fit_rates(measured, dx2=dx2, dy2=dy2).squared_error
    assert fit_rates(measured, dx2=dx2, dy2=dy2, factors=factors).squared_error > 10 * right


@pytest.mark.parametrize(("hidden", "outputs"), [(1e-3, 1e-5), (0.3, 0.2), (20.0, 0.1)])
def test_the_final_distance_is_where_the_equations_end(hidden, outputs):
    theory = TwoPoints(dx2=1.3, dy2=0.5, eta_h=0.7, eta_y=2.0)
    found = theory.trajectory(
        np.linspace(0, 300, 200), hidden=hidden, outputs=outputs, overlap=outputs
    )
    assert found.hidden[-1] == pytest.approx(theory.final_hidden(hidden, outputs), rel=1e-5)
    conserved = theory.conserved(found.hidden, found.outputs)
    np.testing.assert_allclose(conserved, conserved[0], rtol=1e-5, atol=1e-6)


def test_rich_and_lazy_ends():
    theory = TwoPoints(dx2=4.0, dy2=0.25, eta_h=1.0, eta_y=1.0)
    assert theory.final_hidden(1e-6, 1e-13) == pytest.approx(2 * 0.5, rel=1e-3)
    assert theory.final_hidden(1e3, 1e-3) == pytest.approx(1e3, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dx2": 0.0}, "Expected dx2 above 0. Got 0."),
        ({"eta_y": float("nan")}, "Expected eta_y above 0. Got nan."),
        ({"dy2": -1.0}, "Expected dy2 of at least 0. Got -1."),
        ({"factors": {"X": 1.0}}, "Expected terms among H, "),
    ],
)
def test_values_that_cannot_be_are_refused(change, said):
    with pytest.raises(InputError, match=said):
        TwoPoints(**{"dx2": 1.0, "dy2": 1.0, "eta_h": 1.0, "eta_y": 1.0} | change)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"times": np.array([0.0, 1.0])}, "at least three times"),
        ({"times": np.array([0.0, 2.0, 1.0])}, "times that rise"),
        ({"hidden": np.array([1.0, 0.0, 1.0])}, r"tells apart \(H > 0\)"),
        ({"outputs": np.array([1.0, np.nan, 1.0])}, "others in outputs"),
    ],
)
def test_trajectories_that_cannot_be_are_refused(change, said):
    sound = {name: np.arange(1.0, 4.0) for name in ("times", "hidden", "outputs", "overlap")}
    with pytest.raises(InputError, match=said):
        Trajectory(**sound | change)
