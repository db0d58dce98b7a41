from pathlib import Path

import pytest

from tests.faults.small_study import small_study


@pytest.fixture(scope="session")
def fault_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the small study."""
    return small_study(tmp_path_factory.mktemp("fault"))
