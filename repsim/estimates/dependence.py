"""Autocorrelation of consecutive rows, which shows examples that are not independent."""

import numpy as np

__all__ = ["dependence_caution"]

# From this autocorrelation of both layers on, permutations and intervals are misleading:
# at 0.1 in both, the variance of a product of neurons is off by 2 %.
NOTABLE = 0.1

# Standard deviations of the autocorrelation of independent rows.
DEVIATIONS = 5.0

# Rows of several series may be interleaved.
LAGS = 4

# Numbers that are used for it, at most.
ELEMENTS = 2**22


def dependence_caution(x: np.ndarray, y: np.ndarray, labels: np.ndarray | None) -> str:
    """A warning where the examples of both layers resemble their neighbours; empty otherwise.

    Parameters
    ----------
    x, y : array (n, p), (n, q) or with positions in between
        Examples in the order in which they were given.
    labels : array (n,) or None
        Their classes, which explain why neighbours resemble each other where examples are sorted.
    """
    found = [_autocorrelation(layer, labels) for layer in (x, y)]
    if min(found) < max(NOTABLE, DEVIATIONS / np.sqrt(len(x))):
        return ""
    return (
        f"Neighbouring examples are alike (autocorrelation {found[0]:.2f} in X, {found[1]:.2f} in "
        "Y). If they are frames, tokens or a series, the interval is too narrow and the p-value "
        "means nothing: pass blocks=, the examples that belong together. If they are only sorted "
        "by class, pass labels=."
    )


def _autocorrelation(layer: np.ndarray, labels: np.ndarray | None) -> float:
    """The largest autocorrelation over the first lags, about each neuron's mean (per class)."""
    count = min(len(layer), max(3, ELEMENTS // max(1, layer[0].size)))
    if count < 3:
        return 0.0
    values = layer[:count].reshape(count, -1).astype(np.float64)
    values -= values[0]
    if labels is None or len(labels) != len(layer):
        values -= values.mean(axis=0)
    else:
        _, number = np.unique(labels[:count], return_inverse=True)
        sums = np.zeros((number.max() + 1, values.shape[1]))
        np.add.at(sums, number, values)
        values -= (sums / np.bincount(number)[:, None])[number]
    # Neurons of different size count alike.
    lengths = np.sqrt(np.einsum("ij,ij->j", values, values))
    live = lengths > 0
    if not live.any():
        return 0.0
    values = values[:, live] / lengths[live]
    products = (
        np.einsum("ij,ij->", values[lag:], values[:-lag])
        for lag in range(1, min(LAGS, count - 1) + 1)
    )
    return float(max(products) / live.sum())
