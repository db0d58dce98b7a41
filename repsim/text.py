"""Whether names are text, which tables, keys and messages can hold."""

from collections.abc import Iterable

from repsim.errors import StudyError

__all__ = ["check_utf8"]


def check_utf8(names: Iterable[str], what: str) -> None:
    """Refuse names with bytes that are not UTF-8, which Python reads as lone surrogates.

    Parameters
    ----------
    names
        Names of files, of layers, words of a command line.
    what
        Words for the message, such as ``"file names below train"``.

    Raises
    ------
    StudyError
        One of the names is not UTF-8.

    Examples
    --------
    >>> check_utf8(["été"], "layer names")
    """
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise StudyError(f"Expected {what} in UTF-8. Got {ascii(name)}. Rename it.") from None
