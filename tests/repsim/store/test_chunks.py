"""Chunks that are not in the store are counted, in every layout that Zarr can write."""

import numpy as np
import pytest
import zarr
from zarr.codecs import BytesCodec, Crc32cCodec, GzipCodec, ShardingCodec

from repsim.store import absent_chunks


def chunk_files(folder):
    names = ("zarr.json", ".zarray", ".zattrs")
    return sorted(f for f in folder.rglob("*") if f.is_file() and f.name not in names)


def reopened(folder):
    return zarr.open_array(str(folder), mode="r")


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("separator", [".", "/"])
def test_files_that_are_not_there_are_counted(tmp_path, zarr_format, separator):
    array = zarr.create_array(
        str(tmp_path / "x"),
        shape=(25, 3),
        chunks=(10, 2),
        dtype="f4",
        zarr_format=zarr_format,
        chunk_key_encoding={
            "name": "v2" if zarr_format == 2 else "default",
            "separator": separator,
        },
    )
    array[:] = 1
    assert absent_chunks(reopened(tmp_path / "x")) == 0
    files = chunk_files(tmp_path / "x")
    assert len(files) == 6
    for removed, file in enumerate(files, 1):
        file.unlink()
        assert absent_chunks(reopened(tmp_path / "x")) == removed


@pytest.mark.parametrize("index_location", ["start", "end"])
@pytest.mark.parametrize(
    "index_codecs", [[BytesCodec(), Crc32cCodec()], [BytesCodec(endian="big")]]
)
def test_chunks_inside_shards_are_counted_within_the_edges_of_the_array(
    tmp_path, index_location, index_codecs
):
    array = zarr.create(
        store=str(tmp_path / "x"),
        shape=(250, 3),
        chunks=(100, 4),
        dtype="f4",
        fill_value=0,
        codecs=[
            ShardingCodec(
                chunk_shape=(50, 2), index_location=index_location, index_codecs=index_codecs
            )
        ],
    )
    array[:] = 1
    assert reopened(tmp_path / "x").nchunks == 10
    assert absent_chunks(reopened(tmp_path / "x")) == 0
    array[50:100, :2] = 0  # left out of the shard, as nothing but the fill value
    assert absent_chunks(reopened(tmp_path / "x")) == 1
    chunk_files(tmp_path / "x")[-1].unlink()  # two chunks within the array, and two outside
    assert absent_chunks(reopened(tmp_path / "x")) == 3


def test_indexes_of_other_codecs_and_shards_that_were_cut_off_are_left_to_zarr(tmp_path):
    compressed = ShardingCodec(chunk_shape=(5, 2), index_codecs=[BytesCodec(), GzipCodec()])
    for name, codec in (("gzip", compressed), ("plain", ShardingCodec(chunk_shape=(5, 2)))):
        array = zarr.create(
            store=str(tmp_path / name), shape=(20, 2), chunks=(10, 2), dtype="f4", codecs=[codec]
        )
        try:
            array[:] = 1
        except NotImplementedError:  # zarr cannot write an index of unknown length
            continue
        assert absent_chunks(array) == 0
    for file in chunk_files(tmp_path / "plain"):
        file.write_bytes(b"")
    assert absent_chunks(reopened(tmp_path / "plain")) == 0


def test_an_array_of_the_fill_value_alone_has_no_chunks(tmp_path):
    zarr.save_array(str(tmp_path / "x"), np.zeros((4, 2)))
    assert absent_chunks(reopened(tmp_path / "x")) == reopened(tmp_path / "x").nchunks


def test_an_array_inside_a_group_is_found(tmp_path):
    group = zarr.open_group(str(tmp_path / "g"), mode="w")
    group.create_array("deep/x", shape=(4, 2), chunks=(2, 2), dtype="f4")[:2] = 1
    assert absent_chunks(zarr.open_group(str(tmp_path / "g"), mode="r")["deep/x"]) == 1
