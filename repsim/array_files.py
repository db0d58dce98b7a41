"""Arrays by name in the files in which people keep them."""

import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from repsim.errors import InputError
from repsim.extras import required
from repsim.regular_files import never_a_file

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["arrays_in"]

# One of these is in every folder that Zarr can open.
ZARR_METADATA = ("zarr.json", ".zarray", ".zgroup")

HDF5 = (".h5", ".hdf5")
TORCH = (".pt", ".pth")
KNOWN = (".npy", ".npz", ".safetensors", *HDF5, *TORCH)


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


def arrays_in(path: Path) -> Iterator[tuple[str, Any]]:
    """Arrays by name; words in place of what is none, or cannot be loaded.

    An array has a shape and a dtype of numpy, and gives a part of itself for a slice. Nothing that
    is pickled is loaded.

    Raises
    ------
    InputError
        When the file is of none of the known forms, or its reader is not installed. What readers
        raise for damage is raised as it is.
    """
    if path.suffix == ".npy":
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
    if not any((path / name).exists() for name in ZARR_METADATA):
        names = sorted(entry.name for entry in path.iterdir())
        listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        raise InputError(
            f"Expected a Zarr array or group in the folder {path}. Got a folder with: "
            f"{listed or 'nothing'}. Give one file or one .zarr folder."
        )
    for parent, _, files in os.walk(path):
        for name in files:
            if kind := never_a_file(f"{parent}/{name}"):
                raise InputError(f"Expected files alone in {path}. Got {parent}/{name}, {kind}.")
    opened = zarr.open(str(path), mode="r")
    if isinstance(opened, zarr.Array):
        yield "activations", opened
        return
    # Not opened.arrays(): one array that zarr cannot open would hide all others, as would
    # consolidated metadata that are older than an array.
    for child in sorted(path.iterdir()):
        if not any((child / name).exists() for name in ZARR_METADATA):
            continue
        try:
            member = zarr.open(str(child), mode="r")
        except Exception as problem:
            yield child.name, f"zarr cannot open it ({str(problem).rstrip('.')})"
            continue
        is_array = isinstance(member, zarr.Array)
        yield child.name, member if is_array else f"a group (give {child} itself)"


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
