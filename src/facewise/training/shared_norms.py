"""Batch norms of several processes, with the statistics of the whole batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

from facewise.training.processes import world

if TYPE_CHECKING:
    _Norm = _BatchNorm
else:
    _Norm = nn.Module  # mixed in before a class of norms


class _SharedStatistics(_Norm):
    """Mean and variance over the pictures of all processes, and their gradient likewise.

    PyTorch's `SyncBatchNorm` does so on GPUs alone, and in its place the norms of timm would lose
    the activation that is part of them.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name in PyTorch
        if not self.training or world()[1] == 1:
            plain: Tensor = super().forward(input)
            return plain
        values = input.float()
        dims = [0, *range(2, values.ndim)]
        shape = [1, -1] + [1] * (values.ndim - 2)
        count = values.new_tensor(values.numel() / values.shape[1])
        distributed.all_reduce(count)
        mean = _summed(values.sum(dims)) / count
        away = values - mean.view(shape)
        variance = _summed(away.square().sum(dims)) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        out = away * torch.rsqrt(variance + self.eps).view(shape)
        if self.weight is not None:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        out = out.to(input.dtype)
        for part in ("drop", "act"):  # of timm's
            out = getattr(self, part, nn.Identity())(out)
        return out

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """The running statistics, as PyTorch keeps them."""
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None  # noqa: S101 - goes with the others
        self.num_batches_tracked.add_(1)
        share = self.momentum
        if share is None:
            share = 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


class _Summed(torch.autograd.Function):
    """The sum over all processes; so is its gradient."""

    @staticmethod
    def forward(ctx: object, values: Tensor) -> Tensor:  # noqa: ARG004
        total = values.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:  # noqa: ARG004
        total = gradient.contiguous().clone()
        distributed.all_reduce(total)
        return total


def _summed(values: Tensor) -> Tensor:
    total: Tensor = _Summed.apply(values)
    return total


def share_norms(network: nn.Module) -> int:
    """Let the batch norms of a network see the whole batch, where there are several processes.

    Weights and state dict stay as they are.

    Returns:
        How many there are.
    """
    found = 0
    for module in network.modules():
        kind = type(module)
        if isinstance(module, _BatchNorm) and not isinstance(module, _SharedStatistics):
            module.__class__ = type(f"Shared{kind.__name__}", (_SharedStatistics, kind), {})
            found += 1
    return found
