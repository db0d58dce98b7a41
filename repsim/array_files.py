"""Arrays by name in the files in which people keep them."""

import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from repsim.errors import InputError, RepsimError
from repsim.extras import required
from repsim.regular_files import never_a_file
from repsim.store import Store

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CAPTURE", "CAPTURING", "KNOWN", "FileArray", "arrays_in", "is_zarr"]

# One of these is in every folder that Zarr can open.
ZARR_METADATA = ("zarr.json", ".zarray", ".zgroup")

HDF5 = (".h5", ".hdf5")
TORCH = (".pt", ".pth")
KNOWN = (".npy", ".npz", ".safetensors", *HDF5, *TORCH)

# The attribute of a group that `repsim.capture` wrote: its settings, and the order of its layers.
CAPTURE = "repsim_capture"
# In the folder of a capture that is not complete.
CAPTURING = "capture.json"


@dataclass(frozen=True)
class FileArray:
    """An array in a file, which a process that it is sent to opens again."""

    path: Path | str
    name: str
    opened: Any = field(default=None, compare=False, repr=False)
    """As `arrays_in` gave it; None where it is read when it is used."""

    @property
    def array(self) -> Any:
        """As `arrays_in` gives it."""
        if self.opened is not None:
            return self.opened
        written = self.path.stat().st_mtime_ns if isinstance(self.path, Path) else 0
        return _opened(self.path, written)[self.name]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """As stored."""
        return tuple(self.array.shape)

    def __getitem__(self, part: slice) -> np.ndarray:
        return np.asarray(self.array[part])

    def __reduce__(self) -> "tuple[type[FileArray], tuple[Path | str, str]]":
        return FileArray, (self.path, self.name)


# Pairs of the same two files follow one another.
@lru_cache(maxsize=2)
def _opened(path: Path | str, written: int) -> dict[str, Any]:
    """All arrays of a file that was written at this time."""
    del written
    return dict(arrays_in(path))


@dataclass(frozen=True)
class _Tensor:
    """A tensor of torch that is read in parts, bfloat16 as float32."""

    tensor: "Tensor"

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self[:0].dtype

    def __getitem__(self, part: slice) -> np.ndarray:
        import torch

        rows = self.tensor[part] if self.tensor.ndim else self.tensor
        array: np.ndarray = (rows.float() if rows.dtype == torch.bfloat16 else rows).numpy()
        return array


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr array or group."""
    return any((path / name).exists() for name in ZARR_METADATA)


def arrays_in(path: Path | str) -> Iterator[tuple[str, Any]]:
    """Arrays by name; words in place of what is none, or cannot be loaded.

    An array has a shape and a dtype of numpy, and gives a part of itself for a slice. Nothing that
    is pickled is loaded. Of a URL (``s3://``, ``gs://``, ``az://``), Zarr is read in place, and any
    other file is copied to this machine first.

    Raises
    ------
    InputError
        When the file is of none of the known forms, or its reader is not installed. What readers
        raise for damage is raised as it is.
    StoreError
        When a bucket cannot be reached.
    """
    if isinstance(path, str):
        yield from _remote_arrays(path)
    elif path.suffix == ".npy":
        # Not np.load: where the file is no array it would advise to unpickle it.
        yield "activations", np.lib.format.open_memmap(path, mode="r")
    elif path.suffix == ".npz":
        if not zipfile.is_zipfile(path):
            raise InputError(f"Expected an .npz archive. Got {path}, which is not one.")
        with np.load(path, allow_pickle=False) as stored:
            for name in stored.files:
                yield name, _member(stored, name)
    elif path.suffix == ".safetensors":
        yield from _safetensors(path)
    elif path.suffix in HDF5:
        yield from _hdf5_arrays(path)
    elif path.suffix in TORCH:
        yield from _torch_arrays(path)
    elif path.is_dir():
        yield from _zarr_arrays(path)
    else:
        raise InputError(f"Expected a {', '.join(KNOWN)} or .zarr file. Got {path}.")


def _member(stored: Any, name: str) -> Any:
    try:
        member = stored[name]
    except Exception as problem:  # one that is damaged, or of a size that nobody has, hides none
        pickled = isinstance(problem, ValueError) and "pickle" in str(problem)
        return "pickled, and never loaded" if pickled else f"unreadable ({problem})"
    return member if isinstance(member, np.ndarray) else "not an array"


def _zarr_arrays(path: Path) -> Iterator[tuple[str, Any]]:
    if not is_zarr(path):
        names = sorted(entry.name for entry in path.iterdir())
        raise _no_zarr(str(path), names)
    nodes = []
    for parent, _, files in os.walk(path):
        for name in files:
            if kind := never_a_file(f"{parent}/{name}"):
                raise InputError(f"Expected files alone in {path}. Got {parent}/{name}, {kind}.")
        if not set(ZARR_METADATA).isdisjoint(files):
            nodes.append(Path(parent).relative_to(path).as_posix())
    places = {"" if node == "." else node: str(path / node) for node in sorted(nodes)}
    yield from _zarr_members(places)


def _remote_arrays(url: str) -> Iterator[tuple[str, Any]]:
    location, _, name = url.rstrip("/").rpartition("/")
    store = Store(location)
    suffix = Path(name).suffix
    if suffix in KNOWN:
        content = store.view(name)
        if content is None:
            raise InputError(f"Expected a file of activations. Got {url}, which does not exist.")
        with TemporaryDirectory() as folder:
            copy = Path(folder, name)
            copy.write_bytes(content)
            del content
            # What is opened stays readable when its name is gone.
            yield from list(arrays_in(copy))
        return
    paths = [path.removeprefix(f"{name}/") for path in store.sizes(f"{name}/")]
    nodes = {path.rpartition("/")[0] for path in paths if path.split("/")[-1] in ZARR_METADATA}
    if "" not in nodes:
        raise _no_zarr(url, sorted({path.split("/")[0] for path in paths}))
    places = {
        node: store.zarr(f"{name}/{node}".rstrip("/"), read_only=True) for node in sorted(nodes)
    }
    yield from _zarr_members(places)


def _no_zarr(place: str, names: list[str]) -> InputError:
    if CAPTURING in names:
        return InputError(
            f"Expected a complete capture in {place}. Got one that was stopped. Make the same "
            "call of repsim.capture again."
        )
    listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    return InputError(
        f"Expected a Zarr array or group in the folder {place}. Got a folder with: "
        f"{listed or 'nothing'}. Give one file or one .zarr folder."
    )


def _zarr_members(places: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The arrays of a Zarr array or group and of the groups in it, by their place.

    Each is opened by itself: one that zarr cannot open would hide all others, as would consolidated
    metadata that are older than an array.
    """
    root = zarr.open(places[""], mode="r")
    if isinstance(root, zarr.Array):
        yield "activations", root
        return
    captured = root.attrs.get(CAPTURE, {})
    order = captured.get("order", []) if isinstance(captured, dict) else []
    known = [name for name in order if name in places]
    for node in [*known, *(name for name in places if name and name not in known)]:
        try:
            member = zarr.open(places[node], mode="r")
        except RepsimError:
            raise
        except Exception as problem:
            yield node, f"zarr cannot open it ({str(problem).rstrip('.')})"
            continue
        if isinstance(member, zarr.Array):
            yield node, member


def _safetensors(path: Path) -> Iterator[tuple[str, Any]]:
    required("torch", "models", f"which reads {path}")
    import safetensors.torch

    for name, tensor in safetensors.torch.load_file(path).items():
        yield name, _Tensor(tensor)


def _hdf5_arrays(path: Path) -> Iterator[tuple[str, Any]]:
    h5py = required("h5py", "hdf5", f"which reads {path}")
    found: list[tuple[str, Any]] = []
    # Not closed: its data sets are read later, and keep it open until then.
    h5py.File(path, "r").visititems(lambda name, item: found.append((name, item)))
    yield from ((name, item) for name, item in found if isinstance(item, h5py.Dataset))


def _torch_arrays(path: Path) -> Iterator[tuple[str, Any]]:
    torch = required("torch", "models", f"which reads {path}")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as problem:
        raise InputError(
            f"Expected tensors that torch.save wrote in {path}; nothing that could run code is "
            f"loaded. Got: {str(problem).partition(chr(10))[0].rstrip('.')}. Save a table of "
            "tensors by layer."
        ) from problem
    yield from _tensors(saved, "")


def _tensors(saved: object, place: str) -> Iterator[tuple[str, Any]]:
    from torch import Tensor

    if isinstance(saved, Tensor):
        yield place or "activations", _Tensor(saved.detach())
    elif isinstance(saved, Mapping):
        for name, value in saved.items():
            yield from _tensors(value, f"{place}.{name}" if place else str(name))
    else:
        yield place or "activations", f"a {type(saved).__name__}, no tensor"
