"""What tests of whole runs share."""

import os
from collections.abc import Iterator

import pytest

from tests.s3_server import S3Server, s3_server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """A bucket's server, and its user's environment, which processes and workers take over."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    with s3_server() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server
