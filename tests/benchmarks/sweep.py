"""Maximum matches at several ε: the paper's released protocol against one profile."""

import numpy as np

from repsim.matching import match_profile
from repsim.moments import Moments
from tests.benchmarks.timing import Comparison, timed
from tests.references import literal_maximum_match
from tests.repsim.matching.instances import graded_pair

# papers.md A5: the ε of the released script, its draws and the columns of each.
PAPER_EPSILONS = (0.15, 0.2, 0.25, 0.3, 0.5)
DRAWS = 16
COLUMNS = 10_000


def sweeps(
    width: int = 256, samples: int = 100_000, columns: int = COLUMNS, draws_timed: int = 1
) -> list[Comparison]:
    """Cost of a 5-ε and a 20-ε sweep.

    The literal algorithm is timed on `draws_timed` of its 16 draws per ε; all cost about the
    same. Ours sees all samples once. On the samples of a draw both must agree.
    """
    pair = graded_pair(0, samples, width)
    _, ours = timed(lambda: match_profile(Moments.from_arrays(pair.x, pair.y)))
    rng = np.random.default_rng(0)
    result = []
    for name, grid in (
        ("5 ε of the paper", PAPER_EPSILONS),
        ("20 ε", tuple(np.arange(1, 21) / 21)),
    ):
        literal = 0.0
        for _ in range(draws_timed):
            rows = np.sort(rng.choice(samples, size=columns, replace=False))
            x, y = pair.x[rows], pair.y[rows]
            profile = match_profile(x, y)
            for eps in grid:
                (xs, ys), cost = timed(lambda x=x, y=y, e=eps: literal_maximum_match(x, y, e))
                literal += cost * DRAWS / draws_timed
                match = profile.maximum_match(eps)
                assert (set(match.x), set(match.y)) == (xs, ys)
        result.append(
            Comparison(
                task=f"sweep, {name}, {width} + {width} neurons",
                literal=literal,
                ours=ours,
                how=f"literal: {draws_timed} of {DRAWS} draws of {columns} samples timed; "
                f"ours: moments of all {samples} samples and profile",
            )
        )
    return result
