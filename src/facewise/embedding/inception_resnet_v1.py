"""Inception-ResNet-v1 as trained for FaceNet.

Szegedy et al. 2016, https://arxiv.org/abs/1602.07261, with the head of davidsandberg/facenet. The
layer names are those of the facenet-pytorch 2.6.0 package, so that its state_dicts load strictly.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

_BATCH_NORM_EPS = 1e-3  # of the TensorFlow original; torch's default is 1e-5


class _Conv(NamedTuple):
    """One convolution of a branch."""

    channels: int
    kernel: tuple[int, int]
    stride: int = 1


_Branch = tuple[_Conv, ...]


def _square(channels: int, side: int, stride: int = 1) -> _Conv:
    return _Conv(channels, (side, side), stride)


_BLOCK35: tuple[_Branch, ...] = (
    (_square(32, 1),),
    (_square(32, 1), _square(32, 3)),
    (_square(32, 1), _square(32, 3), _square(32, 3)),
)
_MIXED_6A: tuple[_Branch, ...] = (
    (_square(384, 3, stride=2),),
    (_square(192, 1), _square(192, 3), _square(256, 3, stride=2)),
)
_BLOCK17: tuple[_Branch, ...] = (
    (_square(128, 1),),
    (_square(128, 1), _Conv(128, (1, 7)), _Conv(128, (7, 1))),
)
_MIXED_7A: tuple[_Branch, ...] = (
    (_square(256, 1), _square(384, 3, stride=2)),
    (_square(256, 1), _square(256, 3, stride=2)),
    (_square(256, 1), _square(256, 3), _square(256, 3, stride=2)),
)
_BLOCK8: tuple[_Branch, ...] = (
    (_square(192, 1),),
    (_square(192, 1), _Conv(192, (1, 3)), _Conv(192, (3, 1))),
)


class InceptionResnetV1(nn.Module):
    """Faces of 160×160 pixels to 512 numbers.

    Any square input of at least 75 pixels passes; the published weights expect 160, and values of
    `(pixel - 127.5) / 128`.

    Attributes:
        num_classes: outputs of `logits`, or None when there is no such layer.
        classify: `forward` gives logits instead of embeddings.
    """

    def __init__(
        self,
        num_classes: int | None = None,
        classify: bool = False,
        dropout_prob: float = 0.6,
    ) -> None:
        """Build the network with random weights.

        Args:
            num_classes: add a layer `logits` of that many classes. The published files have one:
                8,631 (VGGFace2) and 10,575 (CASIA-WebFace).
            classify: let `forward` return the logits.
            dropout_prob: share of the 1,792 features zeroed in training, in [0, 1].

        Raises:
            ValueError: `classify` without `num_classes`.
        """
        super().__init__()
        if classify and num_classes is None:
            raise ValueError("classify=True needs num_classes, the number of classes")
        self.num_classes = num_classes
        self.classify = classify

        self.conv2d_1a = _conv(3, _square(32, 3, stride=2))
        self.conv2d_2a = _conv(32, _square(32, 3))
        self.conv2d_2b = _conv(32, _square(64, 3), padded=True)
        self.maxpool_3a = nn.MaxPool2d(3, stride=2)
        self.conv2d_3b = _conv(64, _square(80, 1))
        self.conv2d_4a = _conv(80, _square(192, 3))
        self.conv2d_4b = _conv(192, _square(256, 3, stride=2))
        self.repeat_1 = nn.Sequential(*(_Residual(256, _BLOCK35, scale=0.17) for _ in range(5)))
        self.mixed_6a = _Parallel(256, _MIXED_6A, pool=True)
        self.repeat_2 = nn.Sequential(*(_Residual(896, _BLOCK17, scale=0.10) for _ in range(10)))
        self.mixed_7a = _Parallel(896, _MIXED_7A, pool=True)
        self.repeat_3 = nn.Sequential(*(_Residual(1792, _BLOCK8, scale=0.20) for _ in range(5)))
        self.block8 = _Residual(1792, _BLOCK8, scale=1.0, relu=False)
        self.avgpool_1a = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout_prob)
        self.last_linear = nn.Linear(1792, 512, bias=False)
        self.last_bn = nn.BatchNorm1d(512, eps=_BATCH_NORM_EPS)
        if num_classes is not None:
            self.logits = nn.Linear(512, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Embed, or classify, a batch.

        Args:
            x: normalised RGB faces, float, shape (n, 3, S, S).

        Returns:
            Embeddings of L2 norm 1, shape (n, 512); with `classify` the logits, shape
            (n, num_classes), computed from the embeddings before they are normalised.
        """
        x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(x)))
        x = self.maxpool_3a(x)
        x = self.conv2d_4b(self.conv2d_4a(self.conv2d_3b(x)))
        x = self.mixed_6a(self.repeat_1(x))
        x = self.mixed_7a(self.repeat_2(x))
        x = self.block8(self.repeat_3(x))
        x = self.dropout(self.avgpool_1a(x)).flatten(1)
        x = self.last_bn(self.last_linear(x))
        if self.classify:
            logits: Tensor = self.logits(x)
            return logits
        return F.normalize(x, dim=1)


class _Parallel(nn.Module):
    """Branches side by side, their channels concatenated; `pool` adds a maximum pool."""

    def __init__(self, inputs: int, branches: tuple[_Branch, ...], *, pool: bool = False) -> None:
        super().__init__()
        modules: list[nn.Module] = [_chain(inputs, branch) for branch in branches]
        if pool:
            modules.append(nn.MaxPool2d(3, stride=2))
        self._names = tuple(f"branch{i}" for i in range(len(modules)))
        for name, module in zip(self._names, modules, strict=True):
            self.add_module(name, module)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.get_submodule(name)(x) for name in self._names], dim=1)


class _Residual(_Parallel):
    """`relu(x + scale * conv2d(branches))`.

    The small scale keeps deep Inception-ResNets from dying in training (section 3.3 of the paper).
    """

    def __init__(
        self, channels: int, branches: tuple[_Branch, ...], *, scale: float, relu: bool = True
    ) -> None:
        super().__init__(channels, branches)
        self.scale = scale
        self.conv2d = nn.Conv2d(sum(branch[-1].channels for branch in branches), channels, 1)
        self.activation = nn.ReLU(inplace=True) if relu else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.activation(x + self.scale * self.conv2d(super().forward(x)))
        return result


def _chain(inputs: int, branch: _Branch) -> nn.Sequential:
    """The convolutions of a branch; a single one stands alone, as the published names want it."""
    widths = (inputs, *(conv.channels for conv in branch[:-1]))
    layers = [
        _conv(width, conv, padded=conv.stride == 1)
        for width, conv in zip(widths, branch, strict=True)
    ]
    return layers[0] if len(layers) == 1 else nn.Sequential(*layers)


def _conv(inputs: int, conv: _Conv, *, padded: bool = False) -> nn.Sequential:
    """Convolution, batch norm, ReLU; `padded` keeps the resolution of an odd kernel's input."""
    padding = (conv.kernel[0] // 2, conv.kernel[1] // 2) if padded else 0
    return nn.Sequential(
        OrderedDict[str, nn.Module](
            conv=nn.Conv2d(inputs, conv.channels, conv.kernel, conv.stride, padding, bias=False),
            bn=nn.BatchNorm2d(conv.channels, eps=_BATCH_NORM_EPS),
            relu=nn.ReLU(inplace=True),
        )
    )
