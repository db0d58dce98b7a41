"""TOML of files and command lines: what cannot be read is an error in words, whatever is in it."""

import tomllib
from typing import Any

from repsim.errors import StudyError

__all__ = ["NotTomlError", "nested_too_deep", "parse_toml"]

# Numbers of TOML have 64 bits. Longer ones are what tables, keys and torch cannot hold.
MOST_BITS = 64


class NotTomlError(StudyError):
    """A text is no TOML."""


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """The tables in a text of TOML.

    Parameters
    ----------
    text
        The text.
    where
        Words for the message: the path of the file.

    Raises
    ------
    NotTomlError
        The text is no TOML.
    StudyError
        It is nested too deeply to be read, or holds a whole number of more than 64 bits.

    Examples
    --------
    >>> parse_toml("epochs = 3", "the study")
    {'epochs': 3}
    """
    try:
        found = tomllib.loads(text)
        _check_numbers(found, where)
    except tomllib.TOMLDecodeError as problem:
        raise NotTomlError(f"Expected TOML. Got {where}, which is not: {problem}.") from None
    except StudyError:
        raise
    except RecursionError:
        raise StudyError(nested_too_deep(where)) from None
    except ValueError as problem:  # Python reads no number of more than 4300 digits
        raise StudyError(
            f"Expected whole numbers of at most 64 bits in {where}. Got: {problem}."
        ) from None
    return found


def nested_too_deep(where: str) -> str:
    """The message for what is nested too deeply."""
    return f"Expected tables and lists a few levels deep in {where}. Got hundreds of levels."


def _check_numbers(value: object, where: str) -> None:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _check_numbers(item, where)
    elif isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise StudyError(
            f"Expected whole numbers of at most 64 bits in {where}. Got one of "
            f"{value.bit_length()} bits."
        )
