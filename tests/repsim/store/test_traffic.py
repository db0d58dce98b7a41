"""Bytes that a piece of work reads and writes: its own, all of them, and no others'."""

import threading

import numpy as np
import pytest

from repsim.errors import StoreError
from repsim.store import Activations, ActivationWriter, Artifact, Store, Traffic, counted


def test_files_count_with_their_size(store: Store) -> None:
    with counted() as traffic:
        store.write("a", b"12345")
        assert store.create("b", b"123")
        assert store.read("a") == b"12345"
    assert traffic == Traffic(read=5, written=8)


def test_what_does_not_happen_does_not_count(store: Store) -> None:
    store.write("folder/file", b"1")
    store.write("b", b"other")
    with counted() as traffic:
        assert store.read("nothing") is None
        with pytest.raises(StoreError):
            store.write("folder/file/below", b"123")
        assert not store.create("b", b"123")  # reads what is there, to say whose it is
    assert traffic == Traffic(read=len(b"other"), written=0)


def test_activations_count_with_all_their_files(store: Store) -> None:
    values = np.random.default_rng(0).normal(size=(11, 3, 4)).astype(np.float32)
    artifact = Artifact(store, "activations", "k")
    with counted() as writing:
        writer = ActivationWriter(
            artifact, layer="relu", ids=list("abcdefghijk"), positions=3, neurons=4, dtype="float32"
        )
        writer.append(values)
        writer.publish({})
    sizes = store.sizes(artifact.folder)
    assert writing == Traffic(read=0, written=sum(sizes.values()))
    stored = Activations(store, "k")
    with counted() as reading:
        list(stored.blocks(0, 11, 11))
    shards = sum(size for path, size in sizes.items() if "/c/" in path)
    assert shards <= reading.read <= sum(sizes.values()) + _metadata(sizes)
    assert reading.written == 0


def _metadata(sizes: dict[str, int]) -> int:
    """It is checked, and then read again by Zarr."""
    return sum(size for path, size in sizes.items() if path.endswith("zarr.json"))


def test_another_thread_and_what_comes_after_do_not_count(store: Store) -> None:
    with counted() as traffic:
        beside = threading.Thread(target=store.write, args=("a", b"12345"))
        beside.start()
        beside.join()
        with counted() as inner:
            store.write("b", b"123")
    store.write("c", b"1")
    assert inner == Traffic(read=0, written=3)
    assert traffic == Traffic()
