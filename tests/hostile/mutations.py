"""Studies that nobody would write: texts with damage, and values of other types in other places."""

import datetime
import math
import tomllib
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import tomli_w

__all__ = ["mutated_bytes", "mutated_study"]

# In place of a value that is right.
VALUES: tuple[Any, ...] = (
    *(0, -1, 1, 2**31, 2**63 - 1, -(2**63), 10**30, 10**400),
    *(0.0, -0.0, 1e-320, 1e308, math.nan, math.inf, -math.inf),
    *(True, False, "", " ", "0", "a" * 10_000, "\x00", "\x1b[2J", "a\nb", "../..", "/dev/zero"),
    *(
        "ε",
        "\u202e",
        "%j",
        "$(touch executed)",
        "os:system",
        "x:y:z",
        "[bold]",
        "*",
        "type:*",
        "{}",
    ),
    *([], [[]], [1, "a", 2.5], [0] * 1000, {}, {"": {}}, {"name": {"name": {"name": 1}}}),
    *(datetime.date(1979, 5, 27), datetime.time(7, 32), datetime.datetime(1, 1, 1)),
)
# Amid the bytes of a text.
SPLICES = (
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\r",
    b"\n\n[[measures]]\n",
    b"\n[training]\n",
    b'"""',
    b"'",
    b"[",
    b"]",
    b"{",
    b"=",
    b"#",
    b"inf",
    b"9" * 30,
    b"\\u0000",
    b"\\uD800",
    b" = 1 = ",
    b"a.b.c = 1\n",
    "ε".encode(),
)


def mutated_bytes(content: bytes, chance: Random) -> bytes:
    """`content` after one to four changes of bytes, wherever they are."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(content) + 1)
        stop = min(len(content), start + chance.choice([1, 2, 10, 100]))
        piece = content[start:stop]
        put: bytes = chance.choice(
            [
                b"",
                piece * 2,
                piece[::-1],
                bytes(byte ^ (1 << chance.randrange(8)) for byte in piece),
                chance.choice(SPLICES) + piece,
            ]
        )
        content = content[:start] + put + content[stop:]
        if chance.random() < 0.05:
            content = content[:start]
    return content


def mutated_study(text: str, chance: Random) -> bytes:
    """The study after one to three changes of its values, still TOML."""
    study = tomllib.loads(text)
    for _ in range(chance.randint(1, 3)):
        chance.choice(CHANGES)(study, chance)
    return tomli_w.dumps(study).encode()


def _replace(study: dict[str, Any], chance: Random) -> None:
    table, key = _place(study, chance)
    table[key] = chance.choice(VALUES)


def _remove(study: dict[str, Any], chance: Random) -> None:
    table, key = _place(study, chance)
    del table[key]


def _swap(study: dict[str, Any], chance: Random) -> None:
    table, key = _place(study, chance)
    other = chance.choice(list(table))
    table[key], table[other] = table[other], table[key]


def _wrap(study: dict[str, Any], chance: Random) -> None:
    table, key = _place(study, chance)
    table[key] = chance.choice([[table[key]], {key: table[key]}, str(table[key])])


def _rename(study: dict[str, Any], chance: Random) -> None:
    table, key = _place(study, chance)
    table[chance.choice([f"{key}s", key.upper(), "", "__class__", "name", "é.\n"])] = table.pop(key)


def _add(study: dict[str, Any], chance: Random) -> None:
    table, _ = _place(study, chance)
    places = list(_places(study))
    table[chance.choice(places)[1]] = chance.choice(VALUES)


CHANGES: tuple[Callable[[dict[str, Any], Random], None], ...] = (
    _replace,
    _replace,
    _remove,
    _swap,
    _wrap,
    _rename,
    _add,
)


def _place(study: dict[str, Any], chance: Random) -> tuple[dict[str, Any], str]:
    """A table of the study and one of its keys."""
    places = list(_places(study))
    if not places:
        study["name"] = "left"
        return study, "name"
    return chance.choice(places)


def _places(table: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for key, value in table.items():
        yield table, key
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                yield from _places(inner)
