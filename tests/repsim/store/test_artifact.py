"""Artifacts are there when their marker is, and are what their marker says or refused."""

import json

import numpy as np
import pytest
from pydantic import TypeAdapter

from repsim.errors import IntegrityError
from repsim.store import Artifact, artifact_key


@pytest.fixture
def artifact(store):
    return Artifact(store, "moments", "f" * 64)


@pytest.fixture
def published(artifact):
    draft = artifact.draft()
    draft.write("a.bin", b"content of a")
    draft.write_arrays("arrays.npz", {"x": np.arange(3.0), "n": np.array(7)})
    draft.publish({"layer": "relu"})
    return artifact


def test_a_draft_is_invisible_until_it_is_published(artifact):
    draft = artifact.draft()
    draft.write("a.bin", b"1")
    assert not artifact.exists()
    with pytest.raises(IntegrityError, match=r"Got no marker: it was never finished\. A run re"):
        artifact.read("a.bin")
    draft.publish()
    assert artifact.exists()
    assert artifact.read("a.bin") == b"1"


def test_the_marker_lists_every_part(published):
    marker = published.marker()
    assert [part.name for part in marker.parts] == ["a.bin", "arrays.npz"]
    assert marker.parts[0].bytes == len(b"content of a")
    assert marker.facts == {"layer": "relu"}
    arrays = published.read_arrays("arrays.npz")
    np.testing.assert_array_equal(arrays["x"], np.arange(3.0))
    assert arrays["n"] == 7


def test_the_first_marker_wins_and_the_second_writer_learns_of_it(artifact):
    first, second = artifact.draft(), artifact.draft()
    first.write("a.bin", b"first")
    second.write("a.bin", b"second")
    won = second.publish({"by": "second"})
    lost = first.publish({"by": "first"})
    assert won == lost == artifact.marker()
    assert artifact.read("a.bin") == b"second"


def test_two_writers_never_touch_the_same_file(artifact, store):
    drafts = [artifact.draft() for _ in range(3)]
    for draft in drafts:
        draft.write("a.bin", draft.attempt.encode())
    assert len(store.sizes(artifact.folder)) == 3


def test_publishing_leaves_nothing_beside_the_marker_and_the_attempt(published, store):
    attempt = published.marker().attempt
    assert sorted(store.sizes(published.folder)) == sorted(
        [published.marker_path, *(published.path(published.marker(), p) for p in _names(published))]
    )
    assert {path.name for path in (store.root / published.folder).iterdir()} == {
        "marker.json",
        attempt,
    }


def _names(artifact):
    return [part.name for part in artifact.marker().parts]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"kind": "moments"}',
        pytest.param("cut", id="cut off"),
        pytest.param("extra", id="an unknown field"),
        pytest.param("text", id="a number as text"),
    ],
)
def test_a_marker_that_cannot_be_read_is_refused_with_its_path_and_what_to_do(
    published, store, content
):
    good = store.read(published.marker_path)
    if content == "cut":
        content = good[: len(good) // 2]
    elif content == "extra":
        content = json.dumps({**json.loads(good), "more": 1}).encode()
    elif content == "text":
        content = good.replace(b'"bytes":12', b'"bytes":"12"')
    assert content != good
    store.write(published.marker_path, content)
    with pytest.raises(IntegrityError) as caught:
        published.read("a.bin")
    said = str(caught.value)
    assert said.startswith(f"Expected {published.folder} in the store ")
    assert "as it was written. Got a marker that " in said
    assert said.endswith("A run removes it and makes it again.")
    assert caught.value.artifact == published.folder
    assert caught.value.exit_code == 5


def test_the_marker_of_another_artifact_is_refused(published, store):
    other = Artifact(store, "moments", "e" * 64)
    store.write(other.marker_path, store.read(published.marker_path))
    with pytest.raises(
        IntegrityError, match=r"Expected moments/eeee.*Got the marker of moments/ffff"
    ):
        other.marker()
    foreign = Artifact(store, "profiles", published.key)
    store.write(foreign.marker_path, store.read(published.marker_path))
    with pytest.raises(IntegrityError, match=r"Expected profiles/.*Got the marker of moments/"):
        foreign.marker()


def test_every_flipped_bit_of_a_part_is_found(published, store):
    path = published.path(published.marker(), "a.bin")
    good = store.read(path)
    for position in range(len(good)):
        for bit in range(8):
            bad = bytearray(good)
            bad[position] ^= 1 << bit
            store.write(path, bytes(bad))
            with pytest.raises(IntegrityError, match="Got other bytes"):
                published.read("a.bin")
    store.write(path, good)
    assert published.read("a.bin") == good


@pytest.mark.parametrize("damage", ["cut", "longer", "missing", "not in the marker"])
def test_a_part_that_is_not_as_it_was_written_is_refused(published, store, damage):
    name = "a.bin"
    path = published.path(published.marker(), name)
    if damage == "cut":
        store.write(path, store.read(path)[:-1])
    elif damage == "longer":
        store.write(path, store.read(path) + b"\0")
    elif damage == "missing":
        store.delete(path)
    else:
        name = "b.bin"
        path = published.path(published.marker(), name)
        store.write(path, b"slipped in")
    with pytest.raises(IntegrityError) as caught:
        published.read(name)
    assert path in str(caught.value)
    assert str(caught.value).endswith("A run removes it and makes it again.")
    assert caught.value.artifact == published.folder


def test_discarding_leaves_nothing_behind(published, store):
    killed = store.root / published.draft().folder
    killed.mkdir()
    (killed / "a.bin#1").write_bytes(b"half")
    (store.root / f"{published.marker_path}#2").write_bytes(b"half")
    other = Artifact(store, "moments", "e" * 64)
    other.draft().publish()
    published.discard()
    assert published.condition() == "missing"
    assert [path.name for path in (store.root / "moments").iterdir()] == [other.key]
    published.discard()
    assert other.condition() == "sound"


@pytest.mark.parametrize("filled", [False, True])
def test_a_folder_in_place_of_the_marker_is_damage_that_can_be_discarded(published, store, filled):
    marker = store.root / published.marker_path
    marker.unlink()
    marker.mkdir()
    if filled:
        (marker / "file").touch()
    assert published.condition() == "damaged"
    with pytest.raises(IntegrityError, match="Got a folder in place of its marker"):
        published.marker()
    published.discard()
    assert published.condition() == "missing"
    published.draft().publish()
    assert published.condition() == "sound"


@pytest.fixture
def signed(store):
    """An artifact with files of other forms than its readers expect."""
    artifact = Artifact(store, "moments", "f" * 64)
    draft = artifact.draft()
    draft.write_arrays("arrays.npz", {"a": np.zeros((2, 3)), "words": np.array(["x", "y"])})
    draft.write("text.npz", b"no archive")
    draft.write("list.json", b'[1, "x"]')
    draft.publish()
    return artifact


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ({"a": (3, 2)}, r"Got float64 of shape \(2, 3\) as the array 'a' of shape \(3, 2\)"),
        ({"b": ()}, r"Got nothing as the array 'b' of shape \(\) in arrays.npz"),
        ({"words": (2,)}, r"Got <U1 of shape \(2,\) as the array 'words'"),
    ],
)
def test_arrays_of_other_shapes_are_damage(signed, shapes, said):
    with pytest.raises(IntegrityError, match=said) as caught:
        signed.read_arrays("arrays.npz", shapes=shapes)
    assert caught.value.artifact == signed.folder
    assert signed.read_arrays("arrays.npz", shapes={"a": (2, 3)})["a"].shape == (2, 3)


def test_content_of_another_form_is_damage(signed):
    with pytest.raises(IntegrityError, match=r"Got other content in text.npz"):
        signed.read_arrays("text.npz")
    with pytest.raises(IntegrityError, match=r"Got other content in list.json \(1: Input should"):
        signed.read_json("list.json", TypeAdapter(list[int]))
    said = r"Got other content in x \(division by zero\)"
    with pytest.raises(IntegrityError, match=said), signed.as_expected("x"):
        _ = 1 / 0
    assert signed.read_json("list.json", TypeAdapter(list[int | str])) == [1, "x"]


def test_the_condition_is_that_of_the_marker(published, store):
    assert published.condition() == "sound"
    store.write(published.marker_path, b"{")
    assert published.condition() == "damaged"
    store.delete(published.marker_path)
    assert published.condition() == "missing"


def test_the_same_parameters_give_the_same_key_in_any_order():
    key = artifact_key("moments", 1, {"start": 0, "stop": 5})
    assert key == artifact_key("moments", 1, {"stop": 5, "start": 0})
    others = {
        artifact_key("profiles", 1, {"start": 0, "stop": 5}),
        artifact_key("moments", 2, {"start": 0, "stop": 5}),
        artifact_key("moments", 1, {"start": 0, "stop": 6}),
    }
    assert len({key, *others}) == 4
