"""Checkpoints of a network in training: the last two, each written whole."""

import hashlib
import logging
from dataclasses import dataclass

from repsim.store.location import Store

__all__ = ["Checkpoints"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoints:
    """``checkpoints/<key>/<number>-<sha256>.pt``: the newest and the one before it."""

    store: Store
    key: str

    @property
    def _folder(self) -> str:
        return f"checkpoints/{self.key}"

    def load(self) -> list[bytes]:
        """Intact checkpoints, the newest first; damaged ones are removed."""
        intact = []
        for path in reversed(self.store.sizes(self._folder)):
            content = self.store.read(path)
            if content is not None and _digest(content) in path:
                intact.append(content)
            else:
                log.warning("checkpoint %s is damaged: falling back to the one before it", path)
                # Or the next save would keep it in place of the intact one.
                self.store.delete(path)
        return intact

    def save(self, content: bytes) -> None:
        """Add a checkpoint, then drop all but the last two."""
        older = list(self.store.sizes(self._folder))
        number = 1 + max((_number(path) for path in older), default=0)
        self.store.write(f"{self._folder}/{number:09d}-{_digest(content)}.pt", content)
        for path in older[:-1]:
            self.store.delete(path)

    def discard(self) -> None:
        """Remove them all: the network is trained."""
        for path in self.store.sizes(self._folder):
            self.store.delete(path)


def _number(path: str) -> int:
    return int(path.rsplit("/", 1)[1].split("-", 1)[0])


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
