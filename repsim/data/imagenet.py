"""ImageNet, or any folder of images: ``root/train/<class>/*`` and ``root/val/<class>/*``.

Test split = all of val. Preprocessing and augmentation are those of torchvision's reference
training: resize and centre crop; random resized crop and horizontal flip (Szegedy et al. 2015).
Pictures of every mode become RGB as `repsim.data.pictures` says.
"""

import os
from pathlib import Path

import numpy as np
from pydantic import Field, model_validator

from repsim.data.image_files import FileSplit, Framing
from repsim.data.pictures import CONVERSION
from repsim.data.resident import Normalisation
from repsim.data.source import DataSource
from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.options import StrictOptions
from repsim.text import check_utf8

__all__ = ["Options", "load"]

# As published with torchvision's models, of pixels scaled to 0..1.
NORMALISATION = Normalisation(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))

SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


class Options(StrictOptions):
    """Options of the dataset "imagenet"."""

    root: str = Field(description="folder that holds train/ and val/")
    resize: int = Field(default=256, ge=1, description="shorter side of test images, in pixels")
    crop: int = Field(default=224, ge=1, description="side of the crop, in pixels")

    @model_validator(mode="after")
    def _crop_fits(self) -> "Options":
        if self.crop > self.resize:
            raise ValueError(
                f"crop must not be larger than resize, but {self.crop} > {self.resize}"
            )
        return self


def load(options: Options) -> DataSource:
    """List the files; ids are paths below root, such as "val/n01440764/x.JPEG".

    The fingerprint covers these names, labels and sizes, and the bytes of a split of up to 1 GiB:
    see `FileSplit.content_digest`.

    Raises
    ------
    StudyError
        The folders are not there, hold no images, or differ in their classes.
    """
    root = Path(options.root).expanduser()
    files = {name: _files_by_class(root, name) for name in ("train", "val")}
    _check_classes(files["train"], files["val"], root)
    framing = Framing(resize=options.resize, crop=options.crop)
    train, test = (_split(root, files[name], framing) for name in ("train", "val"))
    return DataSource(
        name="imagenet",
        classes=len(files["train"]),
        inputs=InputSpec(shape=(3, options.crop, options.crop)),
        train=train,
        test=test,
        preprocessing=f"{CONVERSION}; {framing}; {NORMALISATION}",
    )


def _split(root: Path, files: dict[str, list[str]], framing: Framing) -> FileSplit:
    return FileSplit(
        root=root,
        ids=tuple(name for names in files.values() for name in names),
        labels=np.repeat(np.arange(len(files)), [len(names) for names in files.values()]),
        framing=framing,
        normalisation=NORMALISATION,
    )


def _files_by_class(root: Path, split: str) -> dict[str, list[str]]:
    """Paths below `root` of the images of each class, both sorted by name."""
    folder = root / split
    if not folder.is_dir():
        raise StudyError(
            f"Expected folders train/<class>/ and val/<class>/ of images in {root}. "
            f"Got no folder {folder}. Set the option root to the folder that holds them."
        )
    with os.scandir(folder) as entries:
        classes = sorted(entry.name for entry in entries if entry.is_dir())
    places = {name: os.path.realpath(folder / name) for name in classes}
    above = {str(parent) for parent in (Path(os.path.realpath(folder)) / "_").parents}
    check_utf8(classes, f"names of folders in {folder}")
    found = {
        name: _images(root, folder / name, above | set(places.values()) - {places[name]})
        for name in classes
    }
    empty = [name for name, paths in found.items() if not paths]
    if empty or not found:
        raise StudyError(
            f"Expected images ({', '.join(SUFFIXES)}) in every class folder of {folder}. "
            f"Got none in {', '.join(empty[:5]) or 'it'}. Remove or fill what is empty."
        )
    return found


def _images(root: Path, folder: Path, elsewhere: set[str]) -> list[str]:
    """Paths below `root` of the images in `folder`, each folder once, whatever links lead to it.

    Links into the folders `elsewhere` (real paths: those above, and of other classes) are not
    followed.
    """
    found, seen = [], set(elsewhere)
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        # Folders before links to them, and not in the order of the disk.
        folders.sort(key=lambda name: (os.path.islink(os.path.join(parent, name)), name))  # noqa: PTH114, PTH118
        below = Path(parent).relative_to(root).as_posix()
        found += [f"{below}/{name}" for name in names if name.lower().endswith(SUFFIXES)]
    check_utf8(found, f"names of files in {folder}")
    return sorted(found)


def _check_classes(train: dict[str, list[str]], val: dict[str, list[str]], root: Path) -> None:
    only_train = sorted(train.keys() - val.keys())
    only_val = sorted(val.keys() - train.keys())
    if only_train or only_val:
        # Fifty thousand images straight in val/, as they are published, is the usual cause.
        raise StudyError(
            f"Expected the same classes in train and val of {root}. "
            f"Got {len(only_train)} only in train ({', '.join(only_train[:5]) or 'none'}) and "
            f"{len(only_val)} only in val ({', '.join(only_val[:5]) or 'none'}). "
            "Sort the images of val into one folder per class, named as in train."
        )
