"""What may happen to a file, one at random."""

from collections.abc import Callable
from random import Random

from tests.faults.random_damage.places import Place

__all__ = ["harm_a_file"]


def _flip(content: bytes, chance: Random) -> bytes:
    changed = bytearray(content)
    if changed:
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _truncate(content: bytes, chance: Random) -> bytes:
    return content[: chance.randrange(len(content))] if content else content


def _empty(content: bytes, chance: Random) -> bytes:
    return b""


def _double(content: bytes, chance: Random) -> bytes:
    return content * 2


def _zero(content: bytes, chance: Random) -> bytes:
    return bytes(len(content))


def _shuffle(content: bytes, chance: Random) -> bytes:
    """Two halves in the other order: of JSON, TOML and arrays all words are still there."""
    middle = chance.randrange(len(content)) if content else 0
    return content[middle:] + content[:middle]


HARMS: dict[str, Callable[[bytes, Random], bytes] | None] = {
    "flip": _flip,
    "truncate": _truncate,
    "empty": _empty,
    "double": _double,
    "zero": _zero,
    "shuffle": _shuffle,
    "delete": None,
}


def harm_a_file(place: Place, chance: Random) -> str:
    """Damage one, whichever is there; what was done, or nothing where there is no file."""
    files = place.files()
    if not files:
        return ""
    path, name = chance.choice(files), chance.choice(list(HARMS))
    change, content = HARMS[name], place.read(path)
    if change is None:
        place.remove(path)
    elif content is not None:
        place.change(path, change(content, chance))
    return f"{name} {path}"
