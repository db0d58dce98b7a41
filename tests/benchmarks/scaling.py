"""How both grow with neurons and samples: one literal maximum match against the whole profile."""

from repsim.matching import match_profile
from repsim.moments import Moments
from tests.benchmarks.timing import Comparison, timed
from tests.references import literal_maximum_match
from tests.repsim.matching.instances import graded_pair

EPS = 0.6


def scaling_in_neurons(
    widths: tuple[int, ...] = (64, 128, 256, 512), samples: int = 10_000
) -> list[Comparison]:
    """One literal match and the profile, without the moments, at several widths."""
    result = []
    for width in widths:
        pair = graded_pair(0, samples, width)
        moments = Moments.from_arrays(pair.x, pair.y)
        _, literal = timed(lambda pair=pair: literal_maximum_match(pair.x, pair.y, EPS))
        _, ours = timed(lambda moments=moments: match_profile(moments))
        result.append(
            Comparison(
                task=f"one ε / every ε, {width} + {width} neurons",
                literal=literal,
                ours=ours,
                how=f"{samples} samples; ours: profile alone",
            )
        )
    return result


def scaling_in_samples(
    counts: tuple[int, ...] = (3000, 10_000, 30_000, 100_000), width: int = 128
) -> list[Comparison]:
    """One literal match on all samples, and moments with profile, at several counts."""
    result = []
    for samples in counts:
        pair = graded_pair(0, samples, width)
        _, literal = timed(lambda pair=pair: literal_maximum_match(pair.x, pair.y, EPS))
        _, ours = timed(lambda pair=pair: match_profile(Moments.from_arrays(pair.x, pair.y)))
        result.append(
            Comparison(
                task=f"one ε / every ε, {samples} samples",
                literal=literal,
                ours=ours,
                how=f"{width} + {width} neurons; ours: moments and profile",
            )
        )
    return result
