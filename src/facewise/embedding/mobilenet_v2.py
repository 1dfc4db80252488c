"""MobileNetV2 with an embedding head.

Sandler et al. 2018, https://arxiv.org/abs/1801.04381, table 2, at width 1. The layer names are
torchvision's.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from facewise.embedding.heads import Head


class _Stage(NamedTuple):
    """Blocks of one width; the first of them has the stride."""

    expansion: int
    channels: int
    blocks: int
    stride: int


_STAGES = (
    _Stage(expansion=1, channels=16, blocks=1, stride=1),
    _Stage(expansion=6, channels=24, blocks=2, stride=2),
    _Stage(expansion=6, channels=32, blocks=3, stride=2),
    _Stage(expansion=6, channels=64, blocks=4, stride=2),
    _Stage(expansion=6, channels=96, blocks=3, stride=1),
    _Stage(expansion=6, channels=160, blocks=3, stride=2),
    _Stage(expansion=6, channels=320, blocks=1, stride=1),
)
_STEM = 32
_FEATURES = 1280


class MobileNetV2(nn.Module):
    """Faces of any size from 32×32 pixels (published weights: 140 to 224) to an embedding."""

    def __init__(self, head: Head | None = None) -> None:
        """Build the network with random weights.

        Args:
            head: form and length of the embedding; by default one linear layer to 512.
        """
        super().__init__()
        layers: list[nn.Module] = [_conv(3, _STEM, kernel=3, stride=2)]
        inputs = _STEM
        for stage in _STAGES:
            for i in range(stage.blocks):
                stride = stage.stride if i == 0 else 1
                layers.append(_Inverted(inputs, stage.channels, stage.expansion, stride))
                inputs = stage.channels
        self.features = nn.Sequential(*layers, _conv(inputs, _FEATURES, kernel=1))
        self.classifier = (head or Head()).build(_FEATURES)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, x: Tensor) -> Tensor:
        """Embed a batch.

        Args:
            x: normalised RGB faces, float, shape (n, 3, S, S).

        Returns:
            Embeddings, not normalised, shape (n, d).
        """
        embeddings: Tensor = self.classifier(self.features(x).mean(dim=(2, 3)))
        return embeddings


class _Inverted(nn.Module):
    """An inverted residual: widen, convolve each channel, narrow without an activation."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        width = inputs * expansion
        widen = [] if expansion == 1 else [_conv(inputs, width, kernel=1)]
        self.conv = nn.Sequential(
            *widen,
            _conv(width, width, kernel=3, stride=stride, groups=width),
            nn.Conv2d(width, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.residual else y


def _conv(
    inputs: int, outputs: int, *, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    )
