"""A store is a plain value, keeps to its folder, and says so when the folder cannot be used."""

import os
import pickle
from pathlib import Path

import pytest

from repsim.errors import IntegrityError, StoreError, StudyError
from repsim.store import ActivationWriter, Artifact, Store, run_lock


def test_looking_at_a_store_does_not_make_it(store):
    assert store.read("a/b") is None
    assert not store.exists("a/b")
    assert store.sizes("a") == {}
    assert not store.root.exists()


def test_what_is_written_is_read_listed_and_deleted(store):
    store.write("a/b", b"12")
    store.write("a/b", b"123")
    store.write("a/c/d", b"")
    store.write("ab", b"1")
    assert store.read("a/b") == b"123"
    assert store.sizes("a") == {"a/b": 3, "a/c/d": 0}
    assert store.exists("a/c/d")
    assert not store.exists("a/c")
    store.delete("a/b")
    store.delete("a/b")
    assert store.read("a/b") is None


def test_the_first_to_create_wins(store):
    assert store.create("a", b"first")
    assert not store.create("a", b"second")
    assert store.read("a") == b"first"


def test_what_was_created_twice_by_one_writer_counts_as_its_own(store):
    """So that a request whose answer was lost can be made again."""
    assert store.create("a", b"first")
    assert store.create("a", b"first")


def test_a_store_travels_to_another_process(store):
    store.write("a", b"1")
    there = pickle.loads(pickle.dumps(store))
    assert there == store
    assert hash(there) == hash(store)
    assert there.read("a") == b"1"


def test_a_relative_location_holds_after_the_folder_is_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = Store("runs")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.write("a", b"1")
    assert (tmp_path / "runs" / "a").read_bytes() == b"1"
    assert store == Store("../runs") or store.root == tmp_path / "runs"


@pytest.mark.parametrize("url", ["file:///tmp/x", "http://host/b", "s3://", "s3:///b", "ftp://x/y"])
def test_another_kind_of_url_is_refused_with_what_to_do(url):
    with pytest.raises(StudyError, match=f"Expected a folder, or a bucket as .* Got '{url}'"):
        Store(url)


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:secret@bucket/x",
        "s3://bucket/../other",
        "s3://bucket/./x",
        "s3://bucket//x",
        "s3://bucket/a%2e%2e",
        "s3://bucket/x?versionId=1",
        "gs://bucket/a b",
    ],
)
def test_credentials_and_parents_have_no_place_in_a_url(url):
    with pytest.raises(StudyError, match="Expected a bucket and a prefix alone"):
        Store(url)


@pytest.mark.parametrize("path", ["../x", "a/../../x", "..", ".", "a/../b", "a//b"])
def test_a_path_that_may_lead_out_of_the_store_is_refused(store, tmp_path, path):
    (tmp_path / "x").write_text("outside")
    for use in (
        lambda: store.read(path),
        lambda: store.write(path, b"1"),
        lambda: store.create(path, b"1"),
        lambda: store.exists(path),
        lambda: store.sizes(path),
        lambda: store.delete(path),
    ):
        store.root.mkdir(exist_ok=True)
        with pytest.raises((StoreError, IntegrityError), match="Expected "):
            use()
    assert (tmp_path / "x").read_text() == "outside"


@pytest.mark.parametrize("prefix", ["../x", "a/../../x", "/tmp", "link", "deep/link", "file"])
def test_a_folder_that_leads_out_of_the_store_is_refused(store, tmp_path, prefix):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("outside")
    (store.root / "deep").mkdir(parents=True)
    (store.root / "link").symlink_to(outside)
    (store.root / "deep" / "link").symlink_to("../../outside", target_is_directory=True)
    (store.root / "file").symlink_to(outside / "x")
    path = prefix if prefix == "file" else f"{prefix}/x"
    for use in (
        lambda: store.zarr(prefix, read_only=False),
        lambda: store.zarr(prefix, read_only=True),
        lambda: store.flush(prefix),
        lambda: store.clear(prefix),
        lambda: store.sizes(prefix),
        lambda: store.read(path),
        lambda: store.write(path, b"inside"),
        lambda: store.create(path, b"inside"),
        lambda: store.exists(path),
        lambda: store.delete(path),
        lambda: Artifact(store, prefix, "key").discard(),
    ):
        with pytest.raises(IntegrityError, match="which leads out of it"):
            use()
    assert [(path.name, path.read_text()) for path in outside.iterdir()] == [("x", "outside")]


def test_a_listing_does_not_follow_links_out_of_the_store(store, tmp_path):
    store.write("a/b/c", b"1")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_text("outside")
    (store.root / "a" / "b" / "link").symlink_to(tmp_path / "outside")
    (store.root / "a" / "b" / "file").symlink_to(tmp_path / "outside" / "x")
    assert store.sizes("a") == {"a/b/c": 1}
    Artifact(store, "a", "b").discard()
    assert store.read("a/b/c") is None
    assert (tmp_path / "outside" / "x").read_text() == "outside"


def test_clearing_removes_all_that_is_below_and_nothing_else(store, tmp_path):
    for path in ("a/b/c", "a/b/d/e", "a/bb/c", "a/c"):
        store.write(path, b"1")
    below = store.root / "a" / "b"
    (below / "empty").mkdir()
    (below / "f#1").write_bytes(b"half")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_text("outside")
    (below / "link").symlink_to(tmp_path / "outside")
    (below / "sibling").symlink_to(store.root / "a" / "bb")
    store.clear("a/b")
    assert not below.exists()
    assert store.sizes("") == {"a/bb/c": 1, "a/c": 1}
    assert (tmp_path / "outside" / "x").read_text() == "outside"
    below.symlink_to(store.root / "a" / "bb")
    store.clear("a/b")
    assert not below.is_symlink()
    assert store.sizes("") == {"a/bb/c": 1, "a/c": 1}
    store.clear("a/b")
    store.clear("never")


def test_flushing_reaches_every_file_and_the_folders_that_name_it(store, monkeypatch):
    store.write("a/b/c/d", b"1")
    store.write("a/b/e", b"1")
    store.write("a/f", b"1")
    opened = set()
    original = os.open
    monkeypatch.setattr(
        os, "open", lambda path, *rest: opened.add(Path(path)) or original(path, *rest)
    )
    root = store.root
    store.flush("a/b/c")
    assert opened == {root, root / "a", root / "a/b", root / "a/b/c", root / "a/b/c/d"}
    opened.clear()
    store.flush("a/f")
    assert opened == {root, root / "a", root / "a/f"}


def test_what_is_removed_while_it_is_flushed_is_no_error(store, monkeypatch):
    store.write("a/b", b"1")
    walk = os.walk
    monkeypatch.setattr(
        os,
        "walk",
        lambda place: [(top, dirs, [*files, "gone"]) for top, dirs, files in walk(place)],
    )
    store.flush("a")


def test_a_store_may_be_reached_by_a_link(store, tmp_path):
    store.write("a/b", b"1")
    (tmp_path / "link").symlink_to(store.root)
    assert Store(str(tmp_path / "link")).read("a/b") == b"1"


@pytest.mark.parametrize("below", ["", "below/it"])
def test_a_location_that_cannot_be_a_folder_is_said_so(tmp_path, below):
    (tmp_path / "file").write_text("not a folder")
    store = Store(str(tmp_path / "file" / below))
    artifact = Artifact(store, "kind", "key")
    for use in (
        lambda: store.write("a", b"1"),
        lambda: store.create("a", b"1"),
        lambda: artifact.draft().write("a", b"1"),
        lambda: ActivationWriter(
            artifact, layer="l", ids=["a"], positions=1, neurons=1, dtype="float32"
        ),
        lambda: run_lock(store, "study").__enter__(),
    ):
        with pytest.raises(StoreError, match=r"Expected .*file.*(--store|Check that the disk)"):
            use()
    assert StoreError("x").exit_code == 4
