"""The files of published datasets: fetched by torchvision, or missed with the way to get them."""

from collections.abc import Iterable
from pathlib import Path

from repsim.errors import StudyError

__all__ = ["fetch", "missing_files"]


def fetch(published: str, root: Path, *, title: str, folder: str) -> None:
    """Fetch a dataset into `root`; nothing happens where its files are in place.

    Parameters
    ----------
    published
        Name of torchvision's dataset, which knows the addresses and checks the md5 of what it gets.
    root
        Where `folder` is to be.
    title
        Name of the dataset in messages.
    folder
        Holds the files, below `root`.

    Raises
    ------
    StudyError
        They cannot be fetched or written.
    """
    from torchvision import datasets

    try:
        getattr(datasets, published)(str(root), download=True)
    except (OSError, RuntimeError) as error:
        raise StudyError(
            f"Expected to fetch {title} into {root}. Got {type(error).__name__}: {error}. "
            f"Fetch it on a machine with internet access, copy {folder} into {root}, and set "
            "download = false."
        ) from error


def missing_files(
    names: Iterable[str], where: str, *, title: str, folder: str, address: str
) -> StudyError:
    """The error about files that are not there, with the ways to get them."""
    return StudyError(
        f"Expected the {title} files in {where}. Got none named {', '.join(names)}. Set the option "
        f"download = true to fetch them, get them from {address}, or set root to the folder that "
        f"holds {folder}."
    )
