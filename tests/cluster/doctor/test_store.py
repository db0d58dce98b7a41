"""Whether a store can be used is found out by using it; nothing of that stays."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import pytest
from filelock import FileLock

from cluster.doctor import store as checked
from cluster.doctor.finding import Finding
from cluster.doctor.store import check_store
from repsim.store import Store
from tests.s3_server import BUCKET, s3_server


def findings(location: str) -> dict[str, Finding]:
    """What is found in a store, by name."""
    return {one.name: one for one in check_store(location, None, "one")}


def test_a_folder_that_is_fit(tmp_path: Path) -> None:
    found = findings(str(tmp_path / "runs"))
    names = ["store", "store speed", "store conditions", "clock", "store room"]
    assert [found[name].verdict for name in names] == ["ok"] * 5
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    findings(str(tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["studies"]


def test_a_bucket_that_is_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        location = f"s3://{BUCKET}/doctor"
        found = findings(location)
        assert {one.verdict for one in found.values()} == {"ok"}
        assert Store(location).sizes("") == {}


@pytest.mark.parametrize("place", ["file", "file/runs"])
def test_a_store_that_cannot_be_written(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (found,) = check_store(str(tmp_path / place), None, "one")
    assert (found.name, found.verdict, found.code) == ("store", "problem", 4)
    assert "Choose another with --store." in found.remedy


def test_a_store_of_an_unknown_kind() -> None:
    (found,) = check_store("ftp://host/x", None, "one")
    assert (found.verdict, found.code) == ("problem", 2)


def test_a_slow_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked, "SLOW_SECONDS", 0.0)
    found = findings(str(tmp_path))["store speed"]
    assert (found.verdict, "nearer" in found.remedy) == ("warning", True)


def test_a_store_that_forgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "read", lambda store, path: b"other")
    found = findings(str(tmp_path))["store"]
    assert (found.verdict, "cannot be read back" in found.found) == ("problem", True)


def test_a_store_without_conditional_puts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "create", lambda store, path, content: True)
    found = findings(str(tmp_path))["store conditions"]
    assert (found.verdict, found.code) == ("problem", 2)
    assert "conditional puts" in found.remedy


def test_a_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        FileLock, "_acquire", lambda lock: setattr(lock._context, "lock_file_fd", 0)
    )
    monkeypatch.setattr(FileLock, "_release", lambda lock: None)
    found = findings(str(tmp_path))["store conditions"]
    assert (found.verdict, "hold a study" in found.found) == ("problem", True)


@pytest.mark.parametrize("seconds", [-60, 60])
def test_a_clock_that_is_off(seconds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    then = datetime.now(UTC) + timedelta(seconds=seconds)
    monkeypatch.setattr(obstore, "head", lambda store, path: {"last_modified": then})
    found = findings(str(tmp_path))["clock"]
    assert (found.verdict, "NTP" in found.remedy) == ("warning", True)
