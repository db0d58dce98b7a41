"""Damage of every kind is named with its path, and nothing that is sound is called damaged."""

import hashlib
import json

import pytest

from repsim.errors import StoreError
from repsim.store import Artifact, Checkpoints, Store
from repsim.store import verification as module
from repsim.store.verification import (
    check_artifact,
    check_checkpoints,
    check_listed_files,
    in_parallel,
)

KEY = "a" * 64


@pytest.fixture
def artifact(tmp_path):
    """An artifact of two files, one larger than what is hashed at once."""
    made = Artifact(Store(str(tmp_path / "runs")), "moments", KEY)
    draft = made.draft()
    draft.write("small", b"0123456789")
    draft.write("below/large", bytes(range(256)) * 1000)
    draft.publish()
    return made


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    monkeypatch.setattr(module, "PIECE_BYTES", 1000)


def path(artifact, name):
    return artifact.path(artifact.marker(), name)


@pytest.mark.parametrize("deep", [False, True])
def test_what_is_as_it_was_written_is_sound(artifact, deep):
    checked = check_artifact(artifact, deep=deep)
    assert (checked.folder, checked.condition) == (artifact.folder, "sound")
    assert (checked.files, checked.bytes, checked.damages) == (2, 256_010, ())


def test_what_was_never_made_is_missing_and_makes_no_folder(tmp_path):
    nothing = Artifact(Store(str(tmp_path / "none")), "moments", KEY)
    assert check_artifact(nothing, deep=True).condition == "missing"
    assert check_checkpoints(nothing.store, KEY, deep=True).condition == "missing"
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "Expected a file. Got nothing."),
        (b"", "Expected 10 bytes. Got 0."),
        (b"012345678", "Expected 10 bytes. Got 9."),
    ],
)
def test_a_file_that_is_gone_or_cut_off_is_named(artifact, deep, content, problem):
    small = path(artifact, "small")
    if content is None:
        artifact.store.delete(small)
    else:
        artifact.store.write(small, content)
    checked = check_artifact(artifact, deep=deep)
    assert checked.condition == "damaged"
    assert [(one.path, one.problem) for one in checked.damages] == [(small, problem)]


def test_a_flipped_bit_is_found_by_reading_alone(artifact):
    large = path(artifact, "below/large")
    content = bytearray(artifact.store.read(large))
    content[200_000] ^= 4
    artifact.store.write(large, bytes(content))
    assert check_artifact(artifact, deep=False).condition == "sound"
    (damage,) = check_artifact(artifact, deep=True).damages
    assert damage.path == large
    assert damage.problem.endswith("Got other bytes (sha256 differs).")


def test_every_damaged_file_is_named(artifact):
    for name in ("small", "below/large"):
        artifact.store.write(path(artifact, name), b"")
    assert len(check_artifact(artifact, deep=False).damages) == 2


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff"])
def test_a_marker_that_cannot_be_read_is_named_without_advice(artifact, content):
    artifact.store.write(artifact.marker_path, content)
    (damage,) = check_artifact(artifact, deep=False).damages
    assert damage.path == artifact.marker_path
    assert "Got a marker that cannot be read" in damage.problem
    assert "A run" not in damage.problem


def test_a_link_that_leads_out_is_damage_even_with_the_right_content(artifact, tmp_path):
    small = artifact.store.root / path(artifact, "small")
    (tmp_path / "elsewhere").write_bytes(small.read_bytes())
    small.unlink()
    small.symlink_to(tmp_path / "elsewhere")
    assert [damage.path for damage in check_artifact(artifact, deep=False).damages] == [
        small.relative_to(artifact.store.root).as_posix()
    ]


def test_what_a_run_removes_at_that_moment_is_missing_and_not_damaged(artifact, monkeypatch):
    sizes = Store.sizes

    def removed_first(store, prefix):
        artifact.discard()
        return sizes(store, prefix)

    marker = artifact.marker()
    monkeypatch.setattr(Artifact, "marker", lambda self: marker)
    monkeypatch.setattr(
        Store, "sizes", lambda store, prefix: monkeypatch.undo() or removed_first(store, prefix)
    )
    assert check_artifact(artifact, deep=True).condition == "missing"


def test_a_store_that_does_not_let_itself_be_read_is_no_damage(artifact, monkeypatch):
    def refused(*arguments):
        raise PermissionError("not for you")

    monkeypatch.setattr(module.obstore, "get", refused)
    with pytest.raises(StoreError, match=r"Expected to read 'moments/.*not for you"):
        check_artifact(artifact, deep=True)


def test_checkpoints_are_compared_with_the_digest_in_their_name(tmp_path):
    store = Store(str(tmp_path / "runs"))
    Checkpoints(store, KEY).save(b"the first", epoch=1)
    Checkpoints(store, KEY).save(b"the second", epoch=1)
    sound = check_checkpoints(store, KEY, deep=True)
    assert (sound.condition, sound.files, sound.bytes) == ("sound", 2, 19)
    first, second = store.sizes(f"checkpoints/{KEY}")
    store.write(first, b"")
    store.write(second, b"the secind")
    assert [d.path for d in check_checkpoints(store, KEY, deep=False).damages] == [first]
    assert [d.path for d in check_checkpoints(store, KEY, deep=True).damages] == [first, second]


@pytest.fixture
def report(tmp_path):
    store = Store(str(tmp_path / "runs"))
    files = {"report.html": b"<html>", "figures/a.svg": b"<svg>"}
    for name, content in files.items():
        store.write(f"studies/x/report/{name}", content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    store.write("studies/x/report.json", json.dumps({"state": "", "files": hashes}).encode())
    return store


def checked_report(store):
    return check_listed_files(store, "studies/x/report.json", "studies/x/report")


def test_a_report_is_compared_with_its_list(report):
    assert checked_report(report).condition == "sound"
    assert checked_report(report).files == 2
    report.write("studies/x/report/report.html", b"<html!")
    report.delete("studies/x/report/figures/a.svg")
    assert [damage.path for damage in checked_report(report).damages] == [
        "studies/x/report/figures/a.svg",
        "studies/x/report/report.html",
    ]


def test_without_a_list_there_is_nothing_to_check(report):
    report.delete("studies/x/report.json")
    assert checked_report(report).condition == "missing"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"files": 3}', b"\xff"])
def test_a_list_that_cannot_be_read_is_damage(report, content):
    report.write("studies/x/report.json", content)
    assert [damage.path for damage in checked_report(report).damages] == ["studies/x/report.json"]


def test_many_are_checked_at_once_and_an_error_ends_it(artifact):
    checks = [lambda: check_artifact(artifact, deep=True)] * 5
    assert [one.condition for one in in_parallel(artifact.store, checks)] == ["sound"] * 5

    def broken():
        raise StoreError("gone")

    with pytest.raises(StoreError, match="gone"):
        list(in_parallel(artifact.store, [*checks, broken]))
