"""Every row of the table ends as it says: with its exit code and its words, and no traceback."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.publication_points import run_inline
from tests.hostile.rows import ROWS
from tests.hostile.runner import Row, attempt

# What no row may say. An escape would move the cursor of whoever reads it.
NEVER = ("Traceback", "an internal error", "NoneType: None", "\x1b", "\x07", "\x9b")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_study: str) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    (folder / "study.toml").write_text(tiny_study)
    run_inline(folder / "study.toml", folder / "runs")
    return folder / "runs"


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that another user reaches, too: those of pytest are closed."""
    with tempfile.TemporaryDirectory(prefix="repsim-hostile-") as name:
        Path(name).chmod(0o755)
        yield Path(name) / "work"


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_ends_as_it_says(row: Row, finished: Path, folder: Path) -> None:
    if row.nobody and os.getuid() != 0:
        pytest.skip("only root can become another user")
    ended = attempt(row, folder, finished)
    assert ended.code == row.code, ended.said
    for words in row.says:
        assert words in ended.said, ended.said
    for words in (*NEVER, *row.never):
        assert words not in ended.said, ended.said


def test_no_two_rows_have_one_name() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
