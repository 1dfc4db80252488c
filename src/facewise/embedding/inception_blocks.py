"""The parts of Inception-ResNets, v1 and v2.

Szegedy et al. 2016, https://arxiv.org/abs/1602.07261. Branches are data; parts are named as the
published weights want it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import torch
from torch import Tensor, nn

BATCH_NORM_EPS = 1e-3  # of the TensorFlow original; torch's default is 1e-5


class Conv(NamedTuple):
    """One convolution of a branch."""

    channels: int
    kernel: tuple[int, int]
    stride: int = 1


Branch = tuple[Conv, ...]


def square(channels: int, side: int, stride: int = 1) -> Conv:
    """A convolution whose kernel has equal sides."""
    return Conv(channels, (side, side), stride)


class Parallel(nn.Module):
    """Branches side by side, their channels concatenated; `pooled` is the last of them."""

    def __init__(
        self, inputs: int, branches: tuple[Branch, ...], *, pooled: nn.Module | None = None
    ) -> None:
        super().__init__()
        modules: list[nn.Module] = [_chain(inputs, branch) for branch in branches]
        if pooled is not None:
            modules.append(pooled)
        self._names = tuple(f"branch{i}" for i in range(len(modules)))
        for name, module in zip(self._names, modules, strict=True):
            self.add_module(name, module)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, c, h, w) to the branches' maps, one after the other in their channels."""
        return torch.cat([self.get_submodule(name)(x) for name in self._names], dim=1)


class Residual(Parallel):
    """`relu(x + scale * conv2d(branches))`.

    The small scale keeps deep Inception-ResNets from dying in training (section 3.3 of the paper).
    """

    def __init__(
        self, channels: int, branches: tuple[Branch, ...], *, scale: float, relu: bool = True
    ) -> None:
        super().__init__(channels, branches)
        self.scale = scale
        self.conv2d = nn.Conv2d(sum(branch[-1].channels for branch in branches), channels, 1)
        self.activation = nn.ReLU(inplace=True) if relu else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, channels, h, w) to maps of the same shape."""
        result: Tensor = self.activation(x + self.scale * self.conv2d(super().forward(x)))
        return result


def _chain(inputs: int, branch: Branch) -> nn.Sequential:
    """The convolutions of a branch; a single one stands alone, as the published names want it."""
    widths = (inputs, *(conv.channels for conv in branch[:-1]))
    layers = [
        conv_layer(width, conv, padded=conv.stride == 1)
        for width, conv in zip(widths, branch, strict=True)
    ]
    return layers[0] if len(layers) == 1 else nn.Sequential(*layers)


def conv_layer(inputs: int, conv: Conv, *, padded: bool = False) -> nn.Sequential:
    """Convolution, batch norm, ReLU; `padded` keeps the resolution of an odd kernel's input."""
    padding = (conv.kernel[0] // 2, conv.kernel[1] // 2) if padded else 0
    return nn.Sequential(
        OrderedDict[str, nn.Module](
            conv=nn.Conv2d(inputs, conv.channels, conv.kernel, conv.stride, padding, bias=False),
            bn=nn.BatchNorm2d(conv.channels, eps=BATCH_NORM_EPS),
            relu=nn.ReLU(inplace=True),
        )
    )
