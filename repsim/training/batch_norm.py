"""Batch norm over the whole batch of a step, of which each rank has a part.

With statistics of its own in each rank, the number of ranks would be part of the protocol: a batch
of 256 on 8 GPUs would be normalised like a batch of 32.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["over_all_ranks"]


def over_all_ranks(model: nn.Module, device: torch.device) -> nn.Module:
    """The model with each batch norm replaced by one over all ranks; names and weights stay."""
    if device.type == "cuda":
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        return converted
    if isinstance(model, _BatchNorm):
        return _WholeBatchNorm.like(model)
    for name, child in model.named_children():
        setattr(model, name, over_all_ranks(child, device))
    return model


class _WholeBatchNorm(_BatchNorm):
    """What torch's SyncBatchNorm is on GPUs, for processors, where that refuses to work."""

    @classmethod
    def like(cls, norm: _BatchNorm) -> "_WholeBatchNorm":
        """The same numbers, the same parameters."""
        new = cls(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        new.weight, new.bias = norm.weight, norm.bias
        new.running_mean, new.running_var = norm.running_mean, norm.running_var
        new.num_batches_tracked = norm.num_batches_tracked
        new.training = norm.training
        return new

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of positions will do."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (b, c, ...) by the mean and variance of each channel over all ranks."""
        if not self.training and self.running_mean is not None:
            return super().forward(input)
        over = [0, *range(2, input.ndim)]
        per_channel = [1, -1] + [1] * (input.ndim - 2)
        # Half precision would not hold the sums.
        values = input.to(torch.promote_types(input.dtype, torch.float32))
        count = _summed(values.new_tensor(input.numel() / input.shape[1]))
        mean = _summed(values.sum(over)) / count
        centred = values - mean.view(per_channel)
        variance = _summed(centred.square().sum(over)) / count
        if self.training and self.running_mean is not None:
            self._note(mean.detach(), variance.detach() * count / (count - 1))
        normal = centred * (variance + self.eps).rsqrt().view(per_channel)
        if self.weight is not None:
            normal = normal * self.weight.view(per_channel) + self.bias.view(per_channel)
        return normal.to(input.dtype)

    def _note(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics, as torch's batch norm does."""
        assert self.running_mean is not None and self.running_var is not None  # noqa: PT018
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        share = self.momentum
        if share is None:
            share = 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


class _Summed(torch.autograd.Function):
    """The sum over all ranks; each rank's gradient is the sum of what all make of the sum."""

    @staticmethod
    def forward(context: Any, part: Tensor) -> Tensor:
        del context
        total = part.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        del context
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


def _summed(part: Tensor) -> Tensor:
    total: Tensor = _Summed.apply(part)
    return total
