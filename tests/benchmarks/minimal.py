"""Minimal matches: Algorithm 2 to the letter against the descent over shared decisions."""

import numpy as np

from repsim.matching import Match, match_profile, minimal_match, simple_matches
from repsim.moments import Moments
from tests.benchmarks.timing import Comparison, timed
from tests.references import literal_minimal_match
from tests.repsim.matching.instances import graded_pair


def minimal_matches(
    width: int = 256, samples: int = 10_000, eps: float = 0.6, neurons_timed: int = 1
) -> list[Comparison]:
    """Cost of the minimal match of one neuron, and of all neurons of both layers.

    The literal algorithm is timed for `neurons_timed` neurons and multiplied; its cost grows with
    the samples, ours does not.
    """
    pair = graded_pair(0, samples, width)
    moments = Moments.from_arrays(pair.x, pair.y)
    whole = match_profile(moments).maximum_match(eps)
    chosen = whole.x[np.linspace(0, len(whole.x) - 1, neurons_timed).astype(int)].tolist()
    literal, single = 0.0, 0.0
    for neuron in chosen:
        expected, cost = timed(
            lambda v=neuron: literal_minimal_match(pair.x, pair.y, eps, ("x", v))
        )
        literal += cost / neurons_timed
        found, cost = timed(lambda v=neuron: minimal_match(pair.x, pair.y, eps, neuron=("x", v)))
        single += cost / neurons_timed
        assert (set(found.match.x), set(found.match.y)) == expected
    everything, ours = timed(lambda: simple_matches(pair.x, pair.y, eps))
    asked = Match.of([], [])
    for one in everything.matches:
        assert one.certified
        asked = asked | one.minimal_for
    assert asked == whole
    layer = f"{width} + {width} neurons, {whole.size} in the match"
    return [
        Comparison(
            task=f"one minimal match, {layer}",
            literal=literal,
            ours=single,
            how=f"{samples} samples; mean of {neurons_timed} neurons; ours with its certificate",
        ),
        Comparison(
            task=f"all minimal matches, {layer}",
            literal=literal * whole.size,
            ours=ours,
            how=f"literal: extrapolated from {neurons_timed} of {whole.size} neurons",
        ),
    ]
