"""Improved residual networks of ArcFace: IR-50, IR-101, IR-152 and their squeeze-excitation twins.

Deng et al. 2019, https://arxiv.org/abs/1801.07698; squeeze-excitation is Hu et al. 2018,
https://arxiv.org/abs/1709.01507. Layers and their names are those of ZhaoJ9014/face.evoLVe
(`backbone/model_irse.py`), so that its weights, and those of egcode/facerec, load strictly. The
`iresnet` of insightface has one more batch norm in each unit: its weights do not fit.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

_WIDTHS = (64, 128, 256, 512)
# Units of each width. The published names count layers loosely: a unit has two convolutions, and
# with the first layer and the last, IR-101 has 100 and IR-152 has 102.
_UNITS = {50: (3, 4, 14, 3), 101: (3, 13, 30, 3), 152: (3, 8, 36, 3)}
_SQUEEZE = 16


class IResNet(nn.Module):
    """Faces of 112×112 (or 224×224) pixels to 512 numbers."""

    def __init__(
        self,
        depth: Literal[50, 101, 152] = 50,
        se: bool = False,
        input_size: Literal[112, 224] = 112,
    ) -> None:
        """Build the network with random weights.

        Args:
            depth: the number in the published name. Some call 101 "r100".
            se: add a squeeze-excitation unit to each residual (IR-SE).
            input_size: side of the faces in pixels; the last layer depends on it.

        Raises:
            ValueError: another depth or input size.
        """
        super().__init__()
        if depth not in _UNITS:
            raise ValueError(f"depth must be one of {tuple(_UNITS)}, got {depth}")
        if input_size not in (112, 224):
            raise ValueError(f"input_size must be 112 or 224, got {input_size}")
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)
        )
        # Before the last layer, so that parameters come in the order in which they are used.
        self.body = nn.Sequential(*_units(_UNITS[depth], se))
        side = input_size // 16  # four strides of two
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512),
            nn.Dropout(0.5),
            nn.Flatten(),
            nn.Linear(512 * side * side, 512),
            nn.BatchNorm1d(512),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Embed a batch.

        Args:
            x: normalised RGB faces, float, shape (n, 3, input_size, input_size).

        Returns:
            Embeddings, not normalised, shape (n, 512).
        """
        embeddings: Tensor = self.output_layer(self.body(self.input_layer(x)))
        return embeddings


class _Unit(nn.Module):
    """A residual unit: normalise, convolve, convolve with the stride."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, se: bool) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module
        if inputs == outputs:
            self.shortcut_layer = nn.MaxPool2d(1, stride)  # takes every stride-th pixel
        else:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        if se:
            self.res_layer.append(_SqueezeExcitation(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.shortcut_layer(x) + self.res_layer(x)
        return y


class _SqueezeExcitation(nn.Module):
    """Weighs each channel by a factor in (0, 1) computed from the means of all channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // _SQUEEZE, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // _SQUEEZE, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean(dim=(2, 3), keepdim=True)
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(means))))


def _units(counts: tuple[int, ...], se: bool) -> list[_Unit]:
    units = []
    inputs = 64
    for outputs, count in zip(_WIDTHS, counts, strict=True):
        for i in range(count):
            units.append(_Unit(inputs, outputs, stride=2 if i == 0 else 1, se=se))
            inputs = outputs
    return units
