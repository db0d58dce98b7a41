"""Two reports, file by file and bit by bit."""

import io
import re

import polars as pl
from polars.testing import assert_frame_equal

from tests.faults.random_damage.places import Place

__all__ = ["differences", "report_of"]

FOLDER = "studies/tiny/report/"
# They say how long each epoch took; and so does the page, of each network.
TIMED = ("networks.csv", "networks.parquet", "training.csv", "training.parquet")
PAGE = "report.html"
DURATION = re.compile(rb">\d+\.\d s<")


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
    if name in TIMED:
        return _same_table(got, expected)
    if name == PAGE:
        got, expected = (DURATION.sub(b"", content) for content in (got, expected))
    return got == expected


def _same_table(got: bytes, expected: bytes) -> bool:
    """Whether all but the column of seconds is the same."""
    try:
        assert_frame_equal(_untimed(got), _untimed(expected), check_exact=True)
    except (AssertionError, pl.exceptions.PolarsError):
        return False
    return True


def _untimed(content: bytes) -> pl.DataFrame:
    read = pl.read_parquet if content.startswith(b"PAR1") else pl.read_csv
    return read(io.BytesIO(content)).drop("seconds")
