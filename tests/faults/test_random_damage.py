"""Killed and damaged at random times, a study ends with the report of one that was left alone.

Two rounds of each here; `python -m tests.faults.random_damage` makes as many as are asked for.
"""

from pathlib import Path

import pytest

from tests.faults.random_damage.rounds import rounds_in


@pytest.mark.parametrize("kind", ["a folder", pytest.param("a bucket", marks=pytest.mark.full)])
def test_nothing_is_lost_and_nothing_is_wrong(kind: str, tmp_path: Path) -> None:
    with rounds_in(kind, tmp_path, seed=4) as rounds:
        for _ in range(2):
            rounds.round()
            assert rounds.codes[-1] == 0
