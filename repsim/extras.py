"""Packages that are installed with an extra of ours alone."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from repsim.errors import StudyError

__all__ = ["not_installed", "required", "study_extra"]

# Modules of the extra [study], which the light core lacks.
OF_STUDIES = {
    "PIL",
    "cryptography",
    "dask",
    "distributed",
    "packaging",
    "ray",
    "torch",
    "torchvision",
    "yaml",
}


def required(module: str, extra: str, purpose: str) -> ModuleType:
    """Import a module of an extra.

    Parameters
    ----------
    module
        Its name, as ``import`` takes it.
    extra
        The extra of ``repsim-workflows`` that brings it.
    purpose
        What it does, for the message: ``"which reads a.h5"``.

    Raises
    ------
    StudyError
        It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise StudyError(not_installed(module, extra, purpose)) from None


def not_installed(module: str, extra: str, purpose: str) -> str:
    """Message for a module that is not installed.

    >>> not_installed("h5py", "hdf5", "which reads a.h5")
    "Expected h5py, which reads a.h5. It is not installed: pip install 'repsim-workflows[hdf5]'."
    """
    return (
        f"Expected {module}, {purpose}. It is not installed: pip install "
        f"'repsim-workflows[{extra}]'."
    )


@contextmanager
def study_extra() -> Iterator[None]:
    """Turn the failed import of a package of the extra ``study`` into words.

    Raises
    ------
    StudyError
        It is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as problem:
        module = (problem.name or "").partition(".")[0]
        if module not in OF_STUDIES:
            raise
        raise StudyError(not_installed(module, "study", "which studies need")) from problem
