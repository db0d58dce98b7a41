"""From a picture file to RGB pixels of 8 bits, by the rules of the ImageNet recipes."""

import os
import warnings

import numpy as np
from PIL import Image

from repsim.errors import InputError

__all__ = ["CONVERSION", "check_mode", "read_rgb"]

# What torchvision's ImageFolder does (`pil_loader`), and in words since it determines pixels.
CONVERSION = (
    'Pillow\'s convert("RGB"): grey repeated, palette looked up, alpha and transparency dropped, '
    "CMYK without a colour profile; 16 bits by their upper 8; the first of several frames; "
    "EXIF orientation ignored"
)

# Pillow opens 16-bit grey as one of these; PGM files of more than 8 bits are scaled to 16 as "I".
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
# Of these nothing says which values are black and white.
_NO_RANGE = {"I": "32-bit integers", "F": "floating-point numbers"}


def read_rgb(path: str | os.PathLike[str]) -> Image.Image:
    """The picture in a file as RGB of 8 bits; see `CONVERSION`.

    Raises
    ------
    InputError
        The pixels have no range from black to white; see `check_mode`.
    """
    with Image.open(path) as picture:
        check_mode(picture, path)
        if picture.mode == "I" or picture.mode in _SIXTEEN_BITS:
            # convert() would clip everything above 255 to white.
            upper = (np.asarray(picture) >> 8).astype(np.uint8)
            return Image.fromarray(upper).convert("RGB")
        with warnings.catch_warnings():
            # Of a palette with transparency, which is dropped on purpose.
            warnings.filterwarnings("ignore", message="Palette images with Transparency")
            return picture.convert("RGB")


def check_mode(picture: Image.Image, path: str | os.PathLike[str]) -> None:
    """Refuse a picture whose pixels have no range from black to white: 32-bit integers, floats.

    Raises
    ------
    InputError
        It is one of these.
    """
    of_sixteen_bits = picture.mode == "I" and picture.format in ("PPM", "PNG")
    if picture.mode in _NO_RANGE and not of_sixteen_bits:
        raise InputError(
            f"Expected a picture of 8 or 16 bits in {os.fspath(path)}. Got "
            f"{_NO_RANGE[picture.mode]} (Pillow's mode {picture.mode}), of which nothing says "
            "what is black and what is white. Scale it to 8 bits and save it again."
        )
