"""Whatever is in a study file: it is a study, or one message says why it is none; at once.

``REPSIM_FUZZ=20`` makes twenty times as many, and other ones.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from repsim.errors import StudyError
from repsim.study import Study, load_study
from tests.faults.small_study import small_study
from tests.hostile.mutations import mutated_bytes, mutated_study

TIMES = int(os.environ.get("REPSIM_FUZZ", "1"))
STUDIES = 600 * TIMES
# Together they end in time, however slow the machine is.
SECONDS = 20.0 * TIMES
LONGEST = 5
ROOT = Path(__file__).parents[2]


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raise within the block when it takes longer."""

    def late(*arguments: object) -> None:
        raise TimeoutError(f"took more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def ends_well(file: Path, *overrides: str) -> bool:
    """Whether it loads; True or False, and nothing else may happen."""
    try:
        with limited(LONGEST):
            return isinstance(load_study(file, overrides), Study)
    except StudyError:
        return False


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Studies to begin with: those that ship, and one with every table."""
    shipped = sorted((ROOT / "workflows" / "studies").glob("*.toml"))
    return [file.read_text() for file in [*shipped, small_study(tmp_path_factory.mktemp("s"))]]


@pytest.mark.parametrize("kind", ["bytes", "values"])
def test_a_file_is_a_study_or_is_refused(kind: str, texts: list[str], tmp_path: Path) -> None:
    file, until = tmp_path / "study.toml", time.monotonic() + SECONDS
    loaded = []
    for number in range(STUDIES):
        chance = Random(f"{kind} {number}")
        text = chance.choice(texts)
        content = (
            mutated_bytes(text.encode(), chance) if kind == "bytes" else mutated_study(text, chance)
        )
        file.write_bytes(content)
        try:
            loaded.append(ends_well(file))
        except Exception as problem:
            problem.add_note(f"{kind} {number}:\n{content!r}")
            raise
        if time.monotonic() > until:
            break
    # Both happen, or the changes change nothing or everything.
    assert 0 < sum(loaded) < len(loaded)


def test_an_override_is_taken_or_is_refused(texts: list[str], tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(texts[-1])
    keys = ["name", "seeds", "data", "data.size", "training.epochs", "capture.axes", "measures"]
    for number in range(STUDIES // 4):
        chance = Random(f"override {number}")
        text = f"{chance.choice(keys)}{chance.choice(['=', '.a=', '..=', '', ' = '])}"
        override = text + mutated_bytes(b"[0.5, 'a', {b = 1}]", chance).decode(errors="replace")
        try:
            ends_well(file, override)
        except Exception as problem:
            problem.add_note(f"override {number}: {override!r}")
            raise
