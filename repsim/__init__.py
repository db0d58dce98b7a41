"""To what extent do different neural networks learn the same representation?

For two arrays of activations, samples × neurons, of the same inputs in the same order:

>>> import numpy as np, repsim
>>> x = np.maximum(np.random.default_rng(0).normal(size=(500, 8)), 0)
>>> profile = repsim.match_profile(x, x[:, ::-1])
>>> float(profile.similarity(0.1))
1.0

For two models and data: ``repsim.compare(model_a, model_b, loader)``.

For whole studies, from training to report, there is the command ``repsim``.
"""

from repsim.comparison import Comparison, compare
from repsim.errors import RepsimError
from repsim.estimates import Estimate, estimate
from repsim.examples import ExamplePair
from repsim.matching import (
    Match,
    MatchProfile,
    MinimalMatch,
    SimpleMatch,
    SimpleMatches,
    Structure,
    match_profile,
    match_structure,
    minimal_match,
    simple_matches,
)
from repsim.measures import (
    bures,
    cca,
    cca_spectrum,
    cka,
    linear_regression,
    maximum_match,
    minibatch_cka,
    mutual_knn,
    procrustes,
    pwcca,
    rbf_cka,
    rsa,
    subspace_overlap,
    svcca,
)
from repsim.moments import Factor, Moments

__all__ = [
    "Comparison",
    "Estimate",
    "ExamplePair",
    "Factor",
    "Match",
    "MatchProfile",
    "MinimalMatch",
    "Moments",
    "RepsimError",
    "SimpleMatch",
    "SimpleMatches",
    "Structure",
    "bures",
    "cca",
    "cca_spectrum",
    "cka",
    "compare",
    "estimate",
    "linear_regression",
    "match_profile",
    "match_structure",
    "maximum_match",
    "minibatch_cka",
    "minimal_match",
    "mutual_knn",
    "procrustes",
    "pwcca",
    "rbf_cka",
    "rsa",
    "simple_matches",
    "subspace_overlap",
    "svcca",
]
