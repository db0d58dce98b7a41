"""Checkpoints as bytes: written whole, and read only if they are whole and of this training."""

import io
import zipfile
from typing import Any, Protocol

import torch

from repsim.errors import RepsimError

__all__ = ["CheckpointFolder", "UnusableCheckpointError", "decode", "encode"]

FORMAT = 1


class CheckpointFolder(Protocol):
    """Where the checkpoints of one training are kept."""

    def load(self) -> list[bytes]:
        """Candidates, newest first; empty before the first `save`."""

    def save(self, content: bytes, *, epoch: int) -> None:
        """Keep `content`, of `epoch`, atomically, as the newest; the one before it stays, too."""


class UnusableCheckpointError(RepsimError):
    """A checkpoint cannot be read, or belongs to another training."""


def encode(snapshot: dict[str, Any], *, identity: str) -> bytes:
    """Bytes of a snapshot of plain containers, numbers, strings and tensors.

    ``torch.load(io.BytesIO(content), weights_only=True)`` reads them.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "identity": identity, **snapshot}, buffer)
    return buffer.getvalue()


def decode(content: bytes, *, identity: str) -> dict[str, Any]:
    """The snapshot in `content`, its tensors on the CPU.

    Raises
    ------
    UnusableCheckpointError
        If the bytes are damaged, or are a checkpoint of a training with another `identity`.
    """
    try:
        # torch does not look at the checksums that it writes: a flipped bit in a weight would
        # go unnoticed.
        damaged = zipfile.ZipFile(io.BytesIO(content)).testzip()
        if damaged is not None:
            raise UnusableCheckpointError(f"Expected a whole checkpoint. Got damage in {damaged}.")
        snapshot = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except UnusableCheckpointError:
        raise
    # zipfile and the unpickler answer damage with almost any exception.
    except Exception as error:
        raise UnusableCheckpointError(
            f"Expected a whole checkpoint. Got {len(content)} bytes that cannot be read ({error})."
        ) from error
    if not isinstance(snapshot, dict) or snapshot.get("format") != FORMAT:
        raise UnusableCheckpointError(f"Expected a checkpoint of format {FORMAT}. Got another one.")
    if snapshot.get("identity") != identity:
        raise UnusableCheckpointError(
            f"Expected a checkpoint of this training ({identity[:12]}). "
            f"Got one of {str(snapshot.get('identity'))[:12]}."
        )
    return snapshot
