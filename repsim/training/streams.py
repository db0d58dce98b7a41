"""Where the randomness of a network comes from: named streams, and torch set from them.

A stream is a function of a seed, a name and counters (epoch, batch). Nothing is drawn in sequence,
so any epoch or batch can be had without the ones before it, and a resumed training needs no
generator state.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["epoch_order", "isolated_randomness", "seed_torch", "stream_seed"]


def stream_seed(seed: int, name: str, *counters: int) -> int:
    """Seed of one named stream, a number below 2**63.

    Parameters
    ----------
    seed
        The study's number for this stream: ``seed.initialisation``, ``.order``, ``.augmentation``.
    name
        Keeps streams apart that have the same number: "3" in a study file means all three.
    counters
        Epoch, or epoch and batch.

    Examples
    --------
    >>> stream_seed(3, "order", 1) == stream_seed(3, "order", 1)
    True
    >>> stream_seed(3, "order", 1) == stream_seed(3, "augmentation", 1)
    False
    """
    # SeedSequence takes its words without their boundaries, so (1, 2) and 1 + 2 * 2**32 would be
    # one stream; a digest of the spelled-out name has no such twins.
    spelled = "/".join([name, str(seed), *map(str, counters)])
    entropy = int.from_bytes(hashlib.sha256(spelled.encode()).digest())
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))


def epoch_order(seed: int, epoch: int, examples: int) -> np.ndarray:
    """Order of the training examples in an epoch (1-based): a permutation, int64 (examples,)."""
    return np.random.default_rng(stream_seed(seed, "order", epoch)).permutation(examples)


def seed_torch(seed: int, device: torch.device) -> None:
    """Set torch's generator on the CPU and on `device`, and no other.

    ``torch.manual_seed`` would set every GPU's generator, also those of other networks' threads.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


@contextmanager
def isolated_randomness(device: torch.device) -> Iterator[None]:
    """Leave torch's generators on the CPU and on `device` as they were."""
    cpu = torch.get_rng_state()
    cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    mps = torch.mps.get_rng_state() if device.type == "mps" else None
    try:
        yield
    finally:
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state(cuda, device)
        if mps is not None:
            torch.mps.set_rng_state(mps)
