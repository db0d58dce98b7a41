"""What `import repsim` offers; each name is imported when it is first used."""

from .comparison import Activations, Comparison, capture, compare
from .errors import RepsimError
from .estimates import Estimate, estimate
from .examples import ExamplePair
from .matching import (
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
from .measures import (
    bures,
    cca,
    cca_spectrum,
    cka,
    cknna,
    cosine,
    euclidean,
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
from .moments import Factor, Moments
from .studies import load_study, run
from .study_results import StudyResults

__version__: str

__all__ = [
    "Activations",
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
    "StudyResults",
    "bures",
    "capture",
    "cca",
    "cca_spectrum",
    "cka",
    "cknna",
    "compare",
    "cosine",
    "estimate",
    "euclidean",
    "linear_regression",
    "load_study",
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
    "run",
    "simple_matches",
    "subspace_overlap",
    "svcca",
]
