"""Literal sums over samples, one sample at a time, independent of `repsim.moments`."""

import numpy as np

from repsim.moments import Moments


def norm_sums(x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """The sums with squared norms, by their definition."""
    sums = {
        name: np.zeros(shape)
        for name, shape in {
            "xx": (),
            "xy": (),
            "yy": (),
            "x_xx": x.shape[1],
            "x_yy": x.shape[1],
            "y_xx": y.shape[1],
            "y_yy": y.shape[1],
        }.items()
    }
    for of_x, of_y in zip(x.astype(float), y.astype(float), strict=True):
        n, m = sum(v * v for v in of_x), sum(v * v for v in of_y)
        sums["xx"] += n * n
        sums["xy"] += n * m
        sums["yy"] += m * m
        sums["x_xx"] += n * of_x
        sums["x_yy"] += m * of_x
        sums["y_xx"] += n * of_y
        sums["y_yy"] += m * of_y
    return sums


def rotated(y: np.ndarray, examples: int, positions: int = 1) -> np.ndarray:
    """Samples whose examples moved on by so many places, the last ones to the front."""
    whole = [y[start : start + positions] for start in range(0, len(y), positions)]
    places = [(place - examples) % len(whole) for place in range(len(whole))]
    return np.concatenate([whole[place] for place in places])


def assert_moments_equal(
    got: Moments, expected: Moments, *, rtol: float = 1e-9, atol: float = 1e-9
) -> None:
    """Both are of the same samples, whatever origin they were summed about."""
    got, expected = got.raw(), expected.raw()
    for name, values in got.arrays().items():
        if name != "coarse":
            np.testing.assert_allclose(values, expected.arrays()[name], rtol=rtol, atol=atol)
