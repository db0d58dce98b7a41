"""A match is a value: sets of neurons that compare, unite and hash."""

import pytest

from repsim.errors import InputError
from repsim.matching import Match
from repsim.matching.match import check_epsilon


def test_members_are_sorted_and_distinct() -> None:
    match = Match.of([5, 1, 5], [2])
    assert match.x.tolist() == [1, 5]
    assert (match.size, len(match)) == (3, 3)


def test_matches_behave_as_pairs_of_sets() -> None:
    small, other = Match.of([1], [2]), Match.of([3], [2, 4])
    union = small | other
    assert union == Match.of([1, 3], [2, 4])
    assert hash(union) == hash(Match.of([3, 1], [4, 2]))
    assert small <= union
    assert not union <= small
    assert small != other
    assert small != "a match"


def test_epsilon_is_checked() -> None:
    assert check_epsilon(0.0) == 0.0
    with pytest.raises(InputError, match="Got 1"):
        check_epsilon(1.0)
