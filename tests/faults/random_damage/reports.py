"""Two reports, file by file and bit by bit."""

import io

import polars as pl
from polars.testing import assert_frame_equal

from tests.faults.random_damage.places import Place

__all__ = ["differences", "report_of"]

FOLDER = "studies/tiny/report/"
# How long each epoch took: the one table that a disturbed run changes.
TIMED = "timings.csv"


def report_of(place: Place) -> dict[str, bytes]:
    """Every file of the report in a store, by its name."""
    paths = [path for path in place.files() if path.startswith(FOLDER)]
    # What a killed writer left of a file is beside the report, not of it.
    return {path.removeprefix(FOLDER): place.read(path) or b"" for path in paths if "#" not in path}


def differences(got: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    """Names of the files that one has and the other has not, or that are not the same."""
    wrong = got.keys() ^ expected.keys()
    for name in got.keys() & expected.keys():
        if not _same(name, got[name], expected[name]):
            wrong.add(name)
    return sorted(wrong)


def _same(name: str, got: bytes, expected: bytes) -> bool:
    if name != TIMED:
        return got == expected
    try:
        assert_frame_equal(_untimed(got), _untimed(expected), check_exact=True)
    except (AssertionError, pl.exceptions.PolarsError):
        return False
    return True


def _untimed(content: bytes) -> pl.DataFrame:
    return pl.read_csv(io.BytesIO(content)).drop("seconds")
