"""Neuron activation subspace matching (Wang et al. 2018): which neurons two layers share."""

from repsim.matching.match import Match
from repsim.matching.minimal_match import MinimalMatch, Trial, minimal_match
from repsim.matching.profile import MatchProfile, match_profile
from repsim.matching.simple_match import SimpleMatch, SimpleMatches
from repsim.matching.simple_matches import simple_matches
from repsim.matching.structure import Independence, Structure, match_structure

__all__ = [
    "Independence",
    "Match",
    "MatchProfile",
    "MinimalMatch",
    "SimpleMatch",
    "SimpleMatches",
    "Structure",
    "Trial",
    "match_profile",
    "match_structure",
    "minimal_match",
    "simple_matches",
]
