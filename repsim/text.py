"""Words: whether names are text that tables, keys and messages can hold, and counted nouns."""

from collections.abc import Iterable

from repsim.errors import StudyError

__all__ = ["check_line", "check_utf8", "count"]


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
            raise StudyError(f"Expected {what} in UTF-8. Got {name!a}. Rename it.") from None


def check_line(text: str, what: str) -> None:
    """Refuse words of a command line with line breaks, control characters or bytes of no UTF-8.

    A value of two lines would be two values, of which the second would be lost.

    Raises
    ------
    StudyError
        The text holds one of these.

    Examples
    --------
    >>> check_line("training.epochs=3", "an override")
    """
    if not text.isprintable():
        raise StudyError(f"Expected {what} of printable characters on one line. Got {text!a}.")


def count(amount: int, noun: str, plural: str | None = None) -> str:
    """A counted noun.

    >>> count(1, "pair"), count(1200, "pair")
    ('1 pair', '1,200 pairs')
    """
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"
