"""A grey picture as a function of the plane: each pixel is an example, its place the input.

The pictures "china" and "flower" come with scikit-learn; any other is a file of one's own.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from repsim.data.arrays import from_arrays
from repsim.data.source import DataSource
from repsim.errors import StudyError
from repsim.options import StrictOptions

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["Options", "load"]

BUNDLED = ("china", "flower")


class Options(StrictOptions):
    """Options of the dataset "image_regression"."""

    picture: str = Field(
        default="china", description='"china" or "flower", of scikit-learn, or an image file'
    )
    side: int = Field(
        default=32, ge=2, le=1000, description="examples along each side of the square picture"
    )


def load(options: Options) -> DataSource:
    """Places (n, 2) from -1 to 1 and grey values (n, 1) of mean 0 and variance 1.

    The training examples are the centres of a grid of side × side pixels, row by row; those of the
    test split lie between them, at the corners.

    Raises
    ------
    StudyError
        The picture cannot be read, or is of one grey.
    """
    from PIL import Image

    picture = _picture(options.picture)
    short = min(picture.size)
    left, top = ((length - short) // 2 for length in picture.size)
    square = picture.crop((left, top, left + short, top + short))
    # Twice as fine: the odd places are the centres, the even ones the corners between them.
    fine = 2 * options.side
    grey = np.asarray(square.resize((fine, fine), Image.Resampling.BOX), dtype=np.float64)
    train, test = grey[1::2, 1::2], grey[2::2, 2::2]
    if not train.std() > 0:
        raise StudyError(f"Expected a picture with contrast. Got {options.picture!r}, of one grey.")
    places = (2 * np.arange(fine) + 1) / fine - 1

    def part(values: np.ndarray, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        down, across = np.meshgrid(along, along, indexing="ij")
        inputs = np.stack([across.ravel(), -down.ravel()], axis=1)
        targets = (values.reshape(-1, 1) - train.mean()) / train.std()
        return inputs.astype(np.float32), targets.astype(np.float32)

    return from_arrays(
        name="image_regression",
        train=part(train, places[1::2]),
        test=part(test, places[2::2]),
        mean=(0.0, 0.0),
        std=(1.0, 1.0),
    )


def _picture(name: str) -> "Picture":
    from PIL import Image

    if name in BUNDLED:
        from sklearn.datasets import load_sample_image

        return Image.fromarray(load_sample_image(f"{name}.jpg")).convert("L")
    try:
        with Image.open(Path(name)) as opened:
            return opened.convert("L")
    except OSError as problem:
        raise StudyError(
            f'Expected "china", "flower" or an image file as picture. Got {name!r}: {problem}.'
        ) from None
