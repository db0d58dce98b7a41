"""A study that makes every kind of artifact, and little of each."""

from pathlib import Path

from tests.conftest import TINY_STUDY

__all__ = ["small_study"]

INSTEAD_OF = {
    "seeds = [0, 1, 2]": "seeds = [0, 1]",
    "[matching]": "[matching]\nminimal_at = [0.5]",
    "[across]\nexamples = 0": "[across]\nexamples = 20\n[resampling]\npermutations = 2\ngroups = 5",
}
# It looks at whole examples, and not at moments.
MEASURE = '\n[[measures]]\nname = "mutual_knn"\nk = 3\n'


def small_study(folder: Path) -> Path:
    """The tiny study with all that a study may ask for, as two networks."""
    text = TINY_STUDY
    for usual, here in INSTEAD_OF.items():
        if usual not in text:
            raise AssertionError(f"Expected {usual!r} in the tiny study")
        text = text.replace(usual, here)
    file = folder / "tiny.toml"
    file.write_text(text + MEASURE)
    return file
