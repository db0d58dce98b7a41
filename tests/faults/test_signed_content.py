"""Other content under a marker that is right about its bytes: named, and made again."""

import io
import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch

from repsim.store.artifact import Marker
from tests.faults.publication_points import run_inline
from tests.faults.test_damage import KINDS, clean
from tests.runs import assert_same_results

__all__ = ["clean"]

Change = Callable[[bytes], bytes]


def sign(file: Path, content: bytes) -> None:
    """Write `content`, and the marker of its artifact as if it had been published so."""
    file.write_bytes(content)
    folder = file
    while not (folder / "marker.json").is_file():
        folder = folder.parent
    place = folder / "marker.json"
    marker = Marker.model_validate_json(place.read_bytes())
    name = file.relative_to(folder / marker.attempt).as_posix()
    parts = [
        part.model_copy(update={"bytes": len(content), "sha256": sha256(content).hexdigest()})
        if part.name == name
        else part
        for part in marker.parts
    ]
    marker = marker.model_copy(update={"parts": parts})
    marker = marker.model_copy(update={"checksum": marker.expected_checksum()})
    place.write_text(marker.model_dump_json())


def saved(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def other_arrays(content: bytes) -> bytes:
    del content
    return saved({"other": np.zeros(3)})


def other_shapes(content: bytes) -> bytes:
    """The same names, with an axis more."""
    with np.load(io.BytesIO(content)) as arrays:
        return saved({name: np.stack([array, array]) for name, array in arrays.items()})


def no_numbers(content: bytes) -> bytes:
    with np.load(io.BytesIO(content)) as arrays:
        return saved({name: np.full(array.shape, "text") for name, array in arrays.items()})


def no_archive(content: bytes) -> bytes:
    del content
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def pickled(content: bytes) -> bytes:
    with np.load(io.BytesIO(content)) as arrays:
        return saved({name: array.astype(object) for name, array in arrays.items()})


def a_number(content: bytes) -> bytes:
    del content
    return b"17"


def an_empty_object(content: bytes) -> bytes:
    del content
    return b"{}"


def an_empty_list(content: bytes) -> bytes:
    del content
    return b"[]"


def texts_for_numbers(content: bytes) -> bytes:
    def changed(value: object) -> object:
        if isinstance(value, dict):
            return {name: changed(item) for name, item in value.items()}
        if isinstance(value, list):
            return [changed(item) for item in value]
        return value if isinstance(value, str) else "text"

    return json.dumps(changed(json.loads(content))).encode()


def one_item_less(content: bytes) -> bytes:
    value = json.loads(content)
    return json.dumps(value[:-1]).encode()


def torch_saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def other_keys(content: bytes) -> bytes:
    del content
    return torch_saved({"other.weight": torch.zeros(3)})


def a_tensor(content: bytes) -> bytes:
    del content
    return torch_saved(torch.zeros(3))


def other_weights(content: bytes) -> bytes:
    state = torch.load(io.BytesIO(content), weights_only=True)
    return torch_saved({name: torch.zeros(*tensor.shape, 2) for name, tensor in state.items()})


def other_array(content: bytes) -> bytes:
    """Metadata that Zarr takes, of an array of another shape."""
    metadata = json.loads(content)
    metadata["shape"][2] += 1
    metadata["chunk_grid"]["configuration"]["chunk_shape"][2] += 1
    for codec in metadata["codecs"]:
        codec["configuration"]["chunk_shape"][2] += 1
    return json.dumps(metadata).encode()


OF_ARRAYS = [other_arrays, other_shapes, no_numbers, no_archive, pickled]
CHANGES: dict[str, list[Change]] = {
    "networks/*/*/weights.pt": [other_keys, a_tensor, other_weights],
    "networks/*/*/training.json": [a_number, an_empty_object, texts_for_numbers],
    "activations/*/*/examples.json": [a_number, an_empty_list, one_item_less],
    "activations/*/*/activations/zarr.json": [a_number, other_array],
    "activations/*/*/origin.npz": OF_ARRAYS,
    "examples/*/*/arrays.npz": OF_ARRAYS,
    "examples/*/*/first_components.npz": OF_ARRAYS,
    "moments/*/*/arrays.npz": OF_ARRAYS,
    "profiles/*/*/arrays.npz": OF_ARRAYS,
    "replicates/*/*/arrays.npz": OF_ARRAYS,
    "measures/*/*/values.json": [a_number, texts_for_numbers, an_empty_object],
    "simple/*/*/simple.json": [a_number, texts_for_numbers, an_empty_object],
    "matches/*/*/rows.json": [a_number, texts_for_numbers, an_empty_list, one_item_less],
    "matches/*/*/ranks.npz": OF_ARRAYS,
    "across/*/*/tables.json": [a_number, texts_for_numbers, an_empty_object],
}
LATER = {
    **KINDS,
    "activations/*/*/origin.npz": KINDS["activations/*/*/examples.json"],
    "matches/*/*/ranks.npz": [],
}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        pytest.param(kind, change, id=f"{kind} {change.__name__}")
        for kind, changes in CHANGES.items()
        for change in changes
    ],
)
def test_other_content_is_named_and_made_again(
    kind: str, change: Change, clean: Path, fault_study: Path, tmp_path: Path
) -> None:
    store = tmp_path / "runs"
    shutil.copytree(clean, store)
    for later in LATER[kind]:
        shutil.rmtree(store / later)
    (store / "studies/tiny/report.json").unlink()
    files = sorted(store.glob(kind))
    assert files
    file = files[0]
    sign(file, change(file.read_bytes()))
    summary = run_inline(fault_study, store)
    assert summary.exit_code == 0, summary
    assert "/".join(file.relative_to(store).parts[:2]) in summary.repaired
    assert_same_results(store, clean)


@pytest.mark.parametrize("filled", [False, True])
def test_a_folder_in_place_of_a_file(
    filled: bool, clean: Path, fault_study: Path, tmp_path: Path
) -> None:
    store = tmp_path / "runs"
    shutil.copytree(clean, store)
    names = ["matches/*/marker.json", "matches/*/*/rows.json", "simple/*/marker.json"]
    names += ["studies/tiny/report.json", "studies/tiny/report/results.csv"]
    names += ["studies/tiny/run-summary.json", "studies/tiny/study.toml"]
    for name in names:
        file = sorted(store.glob(name))[0]
        file.unlink()
        file.mkdir()
        if filled:
            (file / "of somebody").write_text("else")
    summary = run_inline(fault_study, store)
    assert summary.exit_code == 0, summary
    assert_same_results(store, clean)
    assert all((store / name).is_file() for name in names if "*" not in name)
