"""Number formats on the device: mixed precision, and float32 that means float32."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from repsim.study import Training

__all__ = ["Precision", "autocast", "repeatable_kernels", "resolve_precision"]

Precision = Literal["float32", "bfloat16", "float16"]

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def resolve_precision(training: Training, device: torch.device) -> Precision:
    """The number format that ``training.precision`` means on this device.

    ``auto`` is float32 except on CUDA, where it is bfloat16 if the GPU computes with it natively
    and float16, with a scaled loss, if not.
    """
    if training.precision != "auto":
        return training.precision
    if device.type != "cuda":
        return "float32"
    with torch.cuda.device(device):
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if native else "float16"


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """Mixed precision on `device`; a context without effect for float32."""
    return torch.autocast(
        device.type,
        dtype=None if precision == "float32" else _DTYPES[precision],
        enabled=precision != "float32",
    )


@contextmanager
def repeatable_kernels() -> Iterator[None]:
    """Full float32 products (no TF32) and the same cuDNN kernels in every run.

    By default convolutions round float32 to TF32's 10 bits, and cuDNN picks the fastest kernel by
    timing. Either would let the machine's mood into the activations. Everything is put back after
    the block. The settings are those of the process: other threads see them meanwhile.
    """
    cudnn, cuda = torch.backends.cudnn, torch.backends.cuda
    settings: list[tuple[Any, str, object]] = [
        (cuda.matmul, "fp32_precision", "ieee"),
        (cudnn.conv, "fp32_precision", "ieee"),  # type: ignore[attr-defined]
        (cudnn, "deterministic", True),
        (cudnn, "benchmark", False),
    ]
    before = [getattr(owner, name) for owner, name, _ in settings]
    try:
        for owner, name, value in settings:
            setattr(owner, name, value)
        yield
    finally:
        for (owner, name, _), value in zip(settings, before, strict=True):
            setattr(owner, name, value)
