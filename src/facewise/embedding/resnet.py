"""Residual networks of depth 18 to 152, with an embedding head.

He et al. 2015, https://arxiv.org/abs/1512.03385; as in torchvision, whose layer names these are,
the 3×3 convolution of a bottleneck has the stride ("ResNet v1.5").
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from facewise.embedding.heads import Head

# Blocks of each width.
_BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
_WIDTHS = (64, 128, 256, 512)
_EXPANSION = 4  # of a bottleneck: its outputs by its width


class ResNet(nn.Module):
    """Faces of any size from 32×32 pixels (published weights: 140 to 224) to an embedding."""

    def __init__(self, depth: Literal[18, 34, 50, 101, 152], head: Head | None = None) -> None:
        """Build the network with random weights.

        Args:
            depth: the number in the published name.
            head: form and length of the embedding; by default one linear layer to 512.

        Raises:
            ValueError: another depth.
        """
        super().__init__()
        if depth not in _BLOCKS:
            raise ValueError(f"depth: expected one of {tuple(_BLOCKS)}, got {depth}")
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        block = _Basic if depth < 50 else _Bottleneck
        inputs = 64
        for i, (width, count) in enumerate(zip(_WIDTHS, _BLOCKS[depth], strict=True), start=1):
            layer = nn.Sequential()
            for j in range(count):
                layer.append(block(inputs, width, stride=2 if i > 1 and j == 0 else 1))
                inputs = width * block.expansion
            self.add_module(f"layer{i}", layer)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = (head or Head()).build(inputs)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Embed a batch.

        Args:
            x: normalised RGB faces, float, shape (n, 3, S, S).

        Returns:
            Embeddings, not normalised, shape (n, d).
        """
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for i in range(1, len(_WIDTHS) + 1):
            x = self.get_submodule(f"layer{i}")(x)
        embeddings: Tensor = self.fc(self.avgpool(x).flatten(1))
        return embeddings


class _Block(nn.Module):
    """`relu(shortcut(x) + residual(x))`; the shortcut is a 1×1 convolution where shapes differ."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        self.relu = nn.ReLU(inplace=True)

    def residual(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.relu(self.residual(x) + self.downsample(x))
        return y


class _Basic(_Block):
    """Two 3×3 convolutions."""

    def __init__(self, inputs: int, width: int, *, stride: int) -> None:
        super().__init__(inputs, width, stride)
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def residual(self, x: Tensor) -> Tensor:
        y: Tensor = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return y


class _Bottleneck(_Block):
    """A 3×3 convolution between two of 1×1 that narrow and widen."""

    expansion = _EXPANSION

    def __init__(self, inputs: int, width: int, *, stride: int) -> None:
        super().__init__(inputs, width, stride)
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * _EXPANSION, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * _EXPANSION)

    def residual(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        z: Tensor = self.bn3(self.conv3(y))
        return z
