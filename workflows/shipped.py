"""The studies that ship, by name."""

from pathlib import Path

from repsim.errors import StudyError, unknown_name

__all__ = ["study_path"]

SHIPPED = Path(__file__).parent / "studies"


def study_path(path: Path) -> Path:
    """The file itself, or the study that ships with this name, such as ``digits``.

    Raises
    ------
    StudyError
        For a name of no study.
    """
    if path.suffix or len(path.parts) != 1 or path.exists():
        return path
    shipped = SHIPPED / f"{path}.toml"
    if not shipped.exists():
        known = [file.stem for file in SHIPPED.glob("*.toml")]
        raise StudyError(f"{unknown_name('study that ships', str(path), known)} Or give a file.")
    return shipped
