"""Claims by name: built in, or one's own."""

import pytest

from repsim.claims import PAPERS, load_claims
from repsim.errors import StudyError

MINE = load_claims("wang2018")[:1]


def test_every_paper_has_claims_with_numbers_of_their_own():
    assert PAPERS.names == ("kopitkov2019", "morcos2018", "nguyen2020", "wang2018")
    for paper in PAPERS.names:
        numbers = [claim.number for claim in load_claims(paper)]
        assert len(set(numbers)) == len(numbers) > 0


def test_claims_of_ones_own_are_named_by_their_place():
    assert load_claims(f"{__name__}:MINE") == MINE


def test_a_paper_that_is_not_known_is_answered_with_the_nearest():
    with pytest.raises(StudyError, match="Did you mean 'morcos2018'"):
        load_claims("morcos2019")
    with pytest.raises(StudyError, match=r"a tuple of repsim\.claims\.Claim\. Got"):
        load_claims("string:__dict__")
