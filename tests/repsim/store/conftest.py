from pathlib import Path

import pytest

from repsim.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store that nothing has been written to."""
    return Store(str(tmp_path / "runs"))
