"""Activations come back as they went in, or not at all."""

import math
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repsim.errors import InputError, IntegrityError
from repsim.store import Activations, ActivationWriter, Artifact, Store, activations
from repsim.store.activations import examples_per_file

SHAPE = (11, 3, 4)


def values(shape, dtype="float32"):
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


def write(store, data, *, key="k", blocks=(), dtype=None):
    writer = ActivationWriter(
        Artifact(store, "activations", key),
        layer="features.relu1",
        ids=[f"test/{i}" for i in range(len(data))],
        positions=data.shape[1],
        neurons=data.shape[2],
        dtype=dtype or str(data.dtype),
    )
    for block in np.split(data, np.cumsum(blocks)):
        writer.append(block)
    writer.publish({"network": "seed 0"})
    return Activations(store, key)


def read(stored, step=4):
    return np.concatenate(list(stored.blocks(0, stored.shape[0], step)))


@pytest.fixture
def small_files(monkeypatch):
    """Two examples of SHAPE in a chunk, four in a shard: three shards."""
    monkeypatch.setattr(activations, "CHUNK_BYTES", 2 * 3 * 4 * 4)
    monkeypatch.setattr(activations, "SHARD_BYTES", 4 * 3 * 4 * 4)


@pytest.fixture
def stored(store, small_files):
    return write(store, values(SHAPE), blocks=(3, 5))


def shards(stored):
    folder = stored.artifact.path(stored.marker, "activations/c")
    return sorted(stored.store.sizes(folder))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_shape_cut_into_any_blocks_comes_back(tmp_path, monkeypatch, data):
    shape = (
        data.draw(st.integers(1, 20), "examples"),
        data.draw(st.integers(1, 5), "positions"),
        data.draw(st.integers(1, 6), "neurons"),
    )
    dtype = data.draw(st.sampled_from(["float32", "float16"]))
    cuts = data.draw(st.lists(st.integers(0, 7), max_size=5), "blocks")
    step = data.draw(st.integers(1, 25), "examples read at once")
    monkeypatch.setattr(activations, "CHUNK_BYTES", data.draw(st.integers(1, 400), "chunk"))
    monkeypatch.setattr(activations, "SHARD_BYTES", data.draw(st.integers(400, 1600), "shard"))
    shutil.rmtree(tmp_path / "runs", ignore_errors=True)
    array = values(shape, dtype)
    stored = write(Store(str(tmp_path / "runs")), array, blocks=cuts)
    assert stored.shape == shape
    assert stored.ids == tuple(f"test/{i}" for i in range(shape[0]))
    blocks = list(stored.blocks(0, shape[0], step))
    assert [len(block) for block in blocks] == [
        (min(first + step, shape[0]) - first) * shape[1] for first in range(0, shape[0], step)
    ]
    assert blocks[0].dtype == dtype
    np.testing.assert_array_equal(np.concatenate(blocks), array.reshape(-1, shape[2]))
    part = next(stored.blocks(shape[0] // 2, shape[0], shape[0]))
    np.testing.assert_array_equal(part, array[shape[0] // 2 :].reshape(-1, shape[2]))
    # Other programs read it with Zarr's own reader.
    np.testing.assert_array_equal(stored.array[:], array)


@given(
    examples=st.integers(1, 10**6),
    positions=st.integers(1, 50_000),
    neurons=st.integers(1, 5000),
    dtype=st.sampled_from(["float32", "float16"]),
)
def test_files_hold_whole_examples_and_whole_chunks(examples, positions, neurons, dtype):
    chunk, shard = examples_per_file(examples, positions=positions, neurons=neurons, dtype=dtype)
    size = positions * neurons * np.dtype(dtype).itemsize
    assert 1 <= chunk <= shard
    assert shard % chunk == 0
    assert chunk == 1 or chunk * size <= activations.CHUNK_BYTES
    assert shard == chunk or shard * size <= activations.SHARD_BYTES
    assert math.ceil(examples / chunk) * chunk >= shard


def test_values_are_written_in_the_type_that_was_asked_for(store):
    data = values(SHAPE, "float64")
    stored = write(store, data, dtype="float16")
    np.testing.assert_array_equal(read(stored), data.astype("float16").reshape(-1, SHAPE[2]))


def test_zero_is_a_value_like_any_other(store, small_files):
    assert not read(write(store, np.zeros(SHAPE, "float32"))).any()
    assert len(shards(Activations(store, "k"))) == 3


def test_every_shard_and_the_metadata_are_parts_of_the_marker(stored):
    names = {part.name for part in stored.marker.parts}
    assert {f"activations/c/{i}/0/0" for i in range(3)} | {"activations/zarr.json"} <= names
    for part in stored.marker.parts:
        assert len(stored.artifact.read(part.name)) == part.bytes
    assert stored.marker.facts == {
        "network": "seed 0",
        "layer": "features.relu1",
        "examples": 11,
        "positions": 3,
        "neurons": 4,
    }


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused_with_its_layer_and_example(store, value, dtype):
    data = values(SHAPE, dtype)
    data[7, 1, 2] = value
    with pytest.raises(InputError, match=r"layer features\.relu1\. Got NaN .* at example test/7\."):
        write(store, data, blocks=(3, 3))
    assert not Artifact(store, "activations", "k").exists()


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_every_finite_value_is_a_valid_one(store, dtype):
    limits = np.finfo(dtype)
    data = values(SHAPE, dtype)
    data[7, 1] = limits.max, limits.min, -limits.smallest_subnormal, -0.0
    assert read(write(store, data)).tobytes() == data.tobytes()


def test_a_value_too_large_for_float16_is_refused_with_what_to_do(store):
    data = values(SHAPE)
    data[4, 0, 0] = 70_000
    with pytest.raises(InputError, match=r"float16 .* example test/4\..*capture\.dtype to float32"):
        write(store, data, dtype="float16")


def test_a_block_of_another_shape_is_refused(store):
    writer = ActivationWriter(
        Artifact(store, "activations", "k"),
        layer="l",
        ids=["a", "b"],
        positions=3,
        neurons=4,
        dtype="float32",
    )
    with pytest.raises(InputError, match=r"\(b, 3, 4\) for layer l\. Got \(2, 4, 3\)"):
        writer.append(values((2, 4, 3)))


@pytest.mark.parametrize("given_examples", [10, 12])
def test_another_number_of_examples_is_refused(store, given_examples):
    writer = ActivationWriter(
        Artifact(store, "activations", "k"),
        layer="l",
        ids=[str(i) for i in range(11)],
        positions=3,
        neurons=4,
        dtype="float32",
    )
    writer.append(values((given_examples, 3, 4)))
    with pytest.raises(InputError, match=f"Expected 11 examples in layer l. Got {given_examples}"):
        writer.publish({})
    assert not Artifact(store, "activations", "k").exists()


@pytest.mark.parametrize("step", [1, 3, 4, 11])
def test_every_file_is_read_once_for_the_blocks_of_a_layer(stored, monkeypatch, step):
    files, seen, parts = shards(stored), [], {}
    view, part = Store.view, Store.part

    def noted(store, path, start, stop):
        parts.setdefault(path, []).append((start, stop))
        return part(store, path, start, stop)

    monkeypatch.setattr(Store, "view", lambda store, path: seen.append(path) or view(store, path))
    monkeypatch.setattr(Store, "part", noted)
    again = Activations(stored.store, stored.key)
    assert len(again.ids) * again.shape[1] == len(read(again, step))
    assert list(parts) == files
    per_chunk = again.array.chunks[0]
    for path, (index, *fetched) in parts.items():
        # Only a chunk in which one block ends and another begins is fetched for both.
        chunks = list(dict.fromkeys(fetched))
        assert fetched == chunks or step % per_chunk
        borders = [0, *(stop for _, stop in [*chunks, index])]
        assert list(pairwise(borders)) == [*chunks, index]
        assert borders[-1] == stored.store.size(path)
    others = sorted(Path(path).name for path in seen)
    assert others == ["examples.json", "marker.json", "zarr.json"]


def test_what_was_never_published_is_not_there(store):
    with pytest.raises(IntegrityError, match="Got no marker"):
        read(Activations(store, "k"))


def damaged(stored):
    """A reader that has seen nothing yet, and the error it meets."""
    again = Activations(stored.store, stored.key)
    with pytest.raises(IntegrityError) as caught:
        read(again)
    assert f"activations/{stored.key}" in str(caught.value)
    assert str(caught.value).endswith("A run removes it and makes it again.")
    assert str(caught.value).count("Expected") == 1
    return str(caught.value)


def test_a_flipped_bit_anywhere_in_a_shard_is_found(stored):
    path = shards(stored)[1]
    good = stored.store.read(path)
    for position in range(0, len(good), 3):
        bad = bytearray(good)
        bad[position] ^= 1 << (position % 8)
        stored.store.write(path, bytes(bad))
        damaged(stored)
    stored.store.write(path, good)
    assert len(read(Activations(stored.store, stored.key))) == 33


def test_a_flipped_bit_anywhere_in_the_metadata_is_found(stored):
    path = stored.artifact.path(stored.marker, "activations/zarr.json")
    good = stored.store.read(path)
    for position in range(0, len(good), 11):
        bad = bytearray(good)
        bad[position] ^= 1
        stored.store.write(path, bytes(bad))
        damaged(stored)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_deleted_shard_is_named(stored, which):
    path = shards(stored)[which]
    stored.store.delete(path)
    assert f"Got nothing at {path}." in damaged(stored)


def rewritable(stored):
    """The stored array as another program could change it, with checksums that are right."""
    folder = stored.store.root / stored.artifact.path(stored.marker, "activations")
    return zarr.open_array(folder, mode="r+")


def test_a_chunk_that_is_missing_in_a_shard_is_found_and_never_zeros(stored):
    # An empty chunk, of fill values alone, is left out by default.
    rewritable(stored)[6:8] = np.nan
    assert f"a chunk that is missing in {shards(stored)[1]}" in damaged(stored)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_no_writer_could_have_written_is_found(stored, value):
    rewritable(stored)[9, 2, 1] = value
    assert "Got NaN or infinity in examples 8 to 11" in damaged(stored)


@pytest.mark.parametrize("which", [0, -1])
@pytest.mark.parametrize(("examples", "others"), [(2, 3), (3, 1), (3, 4)])
def test_a_chunk_of_another_shape_is_found(store, monkeypatch, examples, others, which):
    def write_in_chunks(data, examples, key):
        monkeypatch.setattr(activations, "CHUNK_BYTES", examples * 3 * 4 * 4)
        monkeypatch.setattr(activations, "SHARD_BYTES", examples * 3 * 4 * 4)
        return write(store, data, key=key)

    other = write_in_chunks(values((9, 3, 4)), others, "other")
    # In chunks of three, the last holds two examples and is filled up.
    stored = write_in_chunks(values((11, 3, 4)), examples, "k")
    store.write(shards(stored)[which], store.read(shards(other)[0]))
    damaged(stored)


@pytest.mark.parametrize("keep", [0, 1, 0.5, -1])
def test_a_shard_that_was_cut_off_is_found(stored, keep):
    path = shards(stored)[1]
    good = stored.store.read(path)
    stored.store.write(path, good[: int(keep * len(good)) if 0 < keep < 1 else keep])
    damaged(stored)


def test_deleted_metadata_and_a_deleted_attempt_are_found(stored):
    metadata = stored.artifact.path(stored.marker, "activations/zarr.json")
    stored.store.delete(metadata)
    assert metadata in damaged(stored)
    shutil.rmtree(stored.store.root / stored.artifact.folder / stored.marker.attempt)
    damaged(stored)


def test_changed_ids_are_found(stored):
    path = stored.artifact.path(stored.marker, "examples.json")
    stored.store.write(path, stored.store.read(path).replace(b"test/3", b"test/4"))
    with pytest.raises(IntegrityError, match="Got other bytes"):
        _ = stored.ids
