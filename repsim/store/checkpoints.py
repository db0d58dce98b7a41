"""Checkpoints of a network in training: the last two, each written whole."""

import hashlib
import logging
import re
from dataclasses import dataclass

from repsim.store.location import Store

__all__ = ["Checkpoint", "Checkpoints"]

log = logging.getLogger(__name__)

# Those that were written before the epoch stood in their name are read as well.
NAME = re.compile(r"(\d+)-(?:epoch(\d+)-)?([0-9a-f]{32})\.pt")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What the name of a checkpoint says."""

    path: str
    number: int
    epoch: int | None
    """In which it was taken."""
    sha256: str
    """The first half."""

    @classmethod
    def at(cls, path: str) -> "Checkpoint | None":
        """The checkpoint at `path`; None where it has another name than one."""
        name = NAME.fullmatch(path.rsplit("/", 1)[1])
        if name is None:
            return None
        number, epoch, sha256 = name.groups()
        return cls(
            path=path,
            number=int(number),
            epoch=None if epoch is None else int(epoch),
            sha256=sha256,
        )


@dataclass(frozen=True)
class Checkpoints:
    """``checkpoints/<key>/<number>-epoch<epoch>-<sha256>.pt``: the newest and the one before it."""

    store: Store
    key: str

    @property
    def folder(self) -> str:
        """Their place in the store."""
        return f"checkpoints/{self.key}"

    def load(self) -> list[bytes]:
        """Intact checkpoints, the newest first; damaged ones are removed."""
        intact = []
        for checkpoint in reversed(self._there()):
            content = self.store.read(checkpoint.path)
            if content is not None and _digest(content) == checkpoint.sha256:
                intact.append(content)
            else:
                log.warning(
                    "checkpoint %s is damaged: falling back to the one before it", checkpoint.path
                )
                # Or the next save would keep it in place of the intact one.
                self.store.delete(checkpoint.path)
        return intact

    def save(self, content: bytes, *, epoch: int) -> None:
        """Add a checkpoint, taken in `epoch`, then drop all but the last two."""
        older = self._there()
        number = 1 + max((checkpoint.number for checkpoint in older), default=0)
        name = f"{number:09d}-epoch{epoch}-{_digest(content)}.pt"
        self.store.write(f"{self.folder}/{name}", content)
        for checkpoint in older[:-1]:
            self.store.delete(checkpoint.path)

    def discard(self) -> None:
        """Remove them all: the network is trained."""
        self.store.clear(self.folder)

    def _there(self) -> list[Checkpoint]:
        """The oldest first; files of other names are none of theirs."""
        found = map(Checkpoint.at, self.store.sizes(self.folder))
        return [checkpoint for checkpoint in found if checkpoint is not None]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
