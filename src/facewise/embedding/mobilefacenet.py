"""MobileFaceNet: an embedder of one million parameters.

Chen et al. 2018, https://arxiv.org/abs/1804.07573, table 1. The layer names, and ReLU where the
paper has PReLU, are those of the public foamliu/MobileFaceNet weights.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class _Stage(NamedTuple):
    """Blocks of one width; the first of them has the stride."""

    expansion: int
    channels: int
    blocks: int
    stride: int


_STAGES = (
    _Stage(expansion=2, channels=64, blocks=5, stride=2),
    _Stage(expansion=4, channels=128, blocks=1, stride=2),
    _Stage(expansion=2, channels=128, blocks=6, stride=1),
    _Stage(expansion=4, channels=128, blocks=1, stride=2),
    _Stage(expansion=2, channels=128, blocks=2, stride=1),
)


class MobileFaceNet(nn.Module):
    """Faces of 112×112 pixels to 128 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _conv(3, 64, kernel=3, stride=2)
        self.dw_conv = _Separable(64)
        self.features = nn.Sequential(*_bottlenecks(64))
        self.conv2 = _conv(128, 512, kernel=1)
        self.gdconv = _GlobalDepthwise(512, size=7)
        self.conv3 = nn.Conv2d(512, 128, 1)
        self.bn = nn.BatchNorm2d(128)

    def forward(self, x: Tensor) -> Tensor:
        """Embed a batch.

        Args:
            x: normalised RGB faces, float, shape (n, 3, 112, 112).

        Returns:
            Embeddings, not normalised, shape (n, 128).
        """
        x = self.features(self.dw_conv(self.conv1(x)))
        embeddings: Tensor = self.bn(self.conv3(self.gdconv(self.conv2(x))))
        return embeddings.flatten(1)


class _Separable(nn.Module):
    """A depthwise 3×3 and a 1×1 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.depthwise(x)))
        return F.relu(self.bn2(self.pointwise(x)))


class _Bottleneck(nn.Module):
    """Inverted residual: widen, depthwise 3×3, narrow without an activation."""

    def __init__(self, inputs: int, outputs: int, *, expansion: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            _conv(inputs, wide, kernel=1),
            _conv(wide, wide, kernel=3, stride=stride, groups=wide),
            nn.Conv2d(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.residual else y


class _GlobalDepthwise(nn.Module):
    """One learned weight for each place of each channel, where others take the mean.

    An aligned face has its centre and its corners always in the same places, and they do not
    matter equally (sections 3.1 and 3.2 of the paper).
    """

    def __init__(self, channels: int, *, size: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, size, groups=channels, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.bn(self.depthwise(x))
        return y


def _bottlenecks(inputs: int) -> list[_Bottleneck]:
    blocks = []
    for stage in _STAGES:
        for i in range(stage.blocks):
            stride = stage.stride if i == 0 else 1
            block = _Bottleneck(inputs, stage.channels, expansion=stage.expansion, stride=stride)
            blocks.append(block)
            inputs = stage.channels
    return blocks


def _conv(
    inputs: int, outputs: int, *, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, batch norm, ReLU6."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    )
