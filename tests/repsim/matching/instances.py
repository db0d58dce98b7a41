"""Pairs of layers for property tests: everything that has broken such code elsewhere."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Activations of two layers, samples × neurons."""

    x: np.ndarray
    y: np.ndarray


def relu_pair(seed: int, samples: int, p: int, q: int, *, shared: int, noise: float) -> Pair:
    """Two ReLU layers over the same `shared` features, each neuron with noise of its own."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((samples, shared))

    def layer(width: int) -> np.ndarray:
        mixed = features @ rng.standard_normal((shared, width))
        return np.maximum(mixed + noise * rng.standard_normal((samples, width)), 0.0)

    return Pair(x=layer(p), y=layer(q))


def linear_pair(seed: int, samples: int, p: int, q: int, *, shared: int, noise: float) -> Pair:
    """Two linear layers over the same features: rank-deficient when they have few of them."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((samples, shared))
    x = features @ rng.standard_normal((shared, p))
    y = features @ rng.standard_normal((shared, q))
    return Pair(x=x, y=y + noise * rng.standard_normal(y.shape))


def graded_pair(seed: int, samples: int, width: int) -> Pair:
    """Two wide ReLU layers whose neurons share more or less with the other layer.

    The match grows neuron by neuron with ε, as in a trained layer that matches in part.
    """
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((samples, width))
    own = np.linspace(0.0, 1.5, width)
    mixing = np.eye(width) + 0.1 / np.sqrt(width) * rng.standard_normal((width, width))
    x = np.maximum(features, 0.0)
    y = np.maximum(features @ mixing + own * rng.standard_normal((samples, width)), 0.0)
    return Pair(x=x, y=y)


def with_blemishes(pair: Pair, rng: np.random.Generator, blemishes: frozenset[str]) -> Pair:
    """Add duplicates, sums, dead neurons and scales to a pair."""
    x, y = pair.x.copy(), pair.y.copy()
    if "duplicate" in blemishes:
        x[:, 0] = x[:, -1]
        y[:, -1] = -2.0 * y[:, 0]
    if "sum" in blemishes and y.shape[1] > 2:
        y[:, 1] = y[:, 0] + y[:, 2]
    if "shared" in blemishes:
        y[:, 0] = x[:, 0]
    if "dead" in blemishes:
        x[:, -1] = 0.0
    if "scales" in blemishes:
        x *= 10.0 ** rng.uniform(-3, 3, x.shape[1])
        y *= 10.0 ** rng.uniform(-3, 3, y.shape[1])
    return Pair(x=x, y=y)


@st.composite
def pairs(draw: st.DrawFn, max_width: int = 10, max_samples: int = 40) -> Pair:
    """Any pair: ReLU or linear, p ≠ q, few samples, blemished or not."""
    make = draw(st.sampled_from([relu_pair, linear_pair]))
    seed = draw(st.integers(0, 2**32 - 1))
    pair = make(
        seed,
        draw(st.integers(2, max_samples)),
        draw(st.integers(1, max_width)),
        draw(st.integers(1, max_width)),
        shared=draw(st.integers(1, max_width)),
        noise=draw(st.sampled_from([0.0, 0.1, 0.5])),
    )
    blemishes = draw(
        st.frozensets(st.sampled_from(["duplicate", "sum", "shared", "dead", "scales"]))
    )
    return with_blemishes(pair, np.random.default_rng(seed), blemishes)


def epsilons_between(levels: np.ndarray, *, margin: float = 1e-6) -> list[float]:
    """An ε between each two neighbouring critical values, and at both ends.

    Kept away from the values themselves, where two correct programs may round differently.
    """
    marks = np.unique(np.concatenate(([0.0], levels[~np.isnan(levels)], [1.0])))
    middles = (marks[1:] + marks[:-1]) / 2
    return [float(m) for m, gap in zip(middles, np.diff(marks), strict=True) if gap > 2 * margin]
