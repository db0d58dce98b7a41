from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def fault_study(tmp_path_factory: pytest.TempPathFactory, tiny_study: str) -> Path:
    """The tiny study with simple matches, as two networks: every kind of artifact, in a second."""
    file = tmp_path_factory.mktemp("fault") / "tiny.toml"
    text = tiny_study.replace("seeds = [0, 1, 2]", "seeds = [0, 1]")
    file.write_text(text.replace("[matching]", "[matching]\nminimal_at = [0.5]"))
    return file
