"""Depthwise convolutions with a stride, under mixed precision on the CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class _InFloat32(nn.Conv2d):
    """A convolution that computes in float32 and gives the type that came."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name in PyTorch
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.float()).to(input.dtype)


def spare_depthwise(network: nn.Module) -> int:
    """Let strided depthwise convolutions compute in float32 under autocast on the CPU.

    PyTorch 2.14 has no fast backward pass for them in bfloat16 there: it takes up to twenty times
    as long as in float32, 40 % of a step of MobileFaceNet (`docs/results/training.md`). Weights and
    state dict stay as they are.

    Returns:
        How many there are.
    """
    found = 0
    for module in network.modules():
        if type(module) is nn.Conv2d and _strided_depthwise(module):
            module.__class__ = _InFloat32
            found += 1
    return found


def _strided_depthwise(module: nn.Conv2d) -> bool:
    return 1 < module.in_channels == module.groups and max(module.stride) > 1
