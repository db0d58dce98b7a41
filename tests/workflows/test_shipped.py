"""Studies that ship, by name."""

from pathlib import Path

import pytest

from repsim.errors import StudyError
from workflows.shipped import study_path


def test_a_name_is_that_of_a_study_that_ships_and_a_file_is_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert study_path(Path("digits")).name == "digits.toml"
    assert study_path(Path("digits")).exists()
    assert study_path(Path("digits.toml")) == Path("digits.toml")
    Path("digits").write_text("")
    assert study_path(Path("digits")) == Path("digits")
    with pytest.raises(StudyError, match=r"Got 'digit'. Did you mean 'digits'.*Or give a file"):
        study_path(Path("digit"))
