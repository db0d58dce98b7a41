"""A FIFO, a socket and a device are refused wherever a file is read, before they are opened."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.profile import load_profile
from repsim.activation_files import open_activations
from repsim.data import load_data
from repsim.errors import InputError, IntegrityError, RepsimError, StudyError
from repsim.regular_files import never_a_file
from repsim.store import Artifact, Store
from repsim.study import load_study
from tests.disk_formats import write_image_folder
from workflows.task_log import task_log


def test_each_kind_has_its_words(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        assert never_a_file(tmp_path / "socket") == "a socket"
    assert never_a_file(tmp_path / "fifo") == never_a_file(tmp_path / "link") == "a FIFO"
    assert never_a_file("/dev/zero") == "a character device"
    (tmp_path / "file").touch()
    for ordinary in ("file", "", "absent", "nul\0"):
        assert never_a_file(f"{tmp_path}/{ordinary}") == ""


def _log(path: Path) -> None:
    with task_log(str(path)):
        pass


@pytest.mark.parametrize(
    ("name", "read", "error"),
    [
        ("study.toml", load_study, StudyError),
        ("profile.toml", lambda path: load_profile(str(path)), StudyError),
        ("a.npy", open_activations, InputError),
        ("a.npz", open_activations, InputError),
        ("a.zarr", open_activations, InputError),
        ("log", _log, StudyError),
    ],
)
def test_a_fifo_is_refused(
    name: str, read: Callable[[Path], object], error: type[RepsimError], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(error, match="which is a FIFO"):
        read(tmp_path / name)


def test_a_fifo_in_a_zarr_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zarr").mkdir()
    os.mkfifo(tmp_path / "a.zarr" / "zarr.json")
    with pytest.raises(InputError, match=r"zarr\.json, a FIFO"):
        open_activations(tmp_path / "a.zarr")


def test_a_fifo_among_images_is_refused(tmp_path: Path) -> None:
    write_image_folder(tmp_path)
    folder = next(path for path in (tmp_path / "train").iterdir() if path.is_dir())
    os.mkfifo(folder / "fifo.jpg")
    with pytest.raises(InputError, match="a FIFO, which is no image"):
        _ = load_data("imagenet", {"root": str(tmp_path), "resize": 8, "crop": 8}).fingerprint


def test_a_fifo_in_a_store_is_named_and_repaired(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    artifact = Artifact(store, "moments", "0" * 64)
    (tmp_path / artifact.folder).mkdir(parents=True)
    os.mkfifo(tmp_path / artifact.marker_path)
    for ask in (artifact.exists, artifact.find_marker):
        with pytest.raises(IntegrityError, match="Got a FIFO") as raised:
            ask()
        assert raised.value.artifact == artifact.folder
    assert artifact.condition() == "damaged"
    artifact.discard()
    assert artifact.condition() == "missing"
    artifact.draft().publish()
    assert artifact.condition() == "sound"
