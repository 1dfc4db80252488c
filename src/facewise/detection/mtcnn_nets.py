"""The three networks of MTCNN (Zhang et al. 2016, https://arxiv.org/abs/1604.02878).

Their parameters have the names that facenet-pytorch's files use, so those files load. Each forward
takes float pictures `(pixel - 127.5) / 128` of shape (n, 3, h, w) and returns the box regression
before the face probability, as there.

Inference on a CPU computes the same values by other operations (`_prelu`, `_max_pool`): on the few
channels these networks have, PyTorch's own took more than half of the time. Gradients, other
devices and export to other runtimes go through PyTorch's.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import conv2d, max_pool2d, prelu, relu

_SLACK = 1e-3
"""Of a difference of two logits, far above their rounding."""


class PNet(nn.Module):
    """Proposal network: fully convolutional, one answer for every 12×12 window at stride 2."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 10, 3)
        self.prelu1 = nn.PReLU(10)
        self.pool1 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv2 = nn.Conv2d(10, 16, 3)
        self.prelu2 = nn.PReLU(16)
        self.conv3 = nn.Conv2d(16, 32, 3)
        self.prelu3 = nn.PReLU(32)
        self.conv4_1 = nn.Conv2d(32, 2, 1)
        self.conv4_2 = nn.Conv2d(32, 4, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Regressions (n, 4, h', w') and probabilities (n, 2, h', w') of not-face and face."""
        x = self.features(x)
        return self.conv4_2(x), self.conv4_1(x).softmax(dim=1)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """What both answers are read from, (n, 32, h', w')."""
        x = _max_pool(self.pool1, _prelu(self.prelu1, self.conv1(x)))
        return _prelu(self.prelu3, self.conv3(_prelu(self.prelu2, self.conv2(x))))

    def likely(
        self, x: torch.Tensor, threshold: float
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The answers of pictures where a face is likely, without computing all others.

        Args:
            x: (n, 3, h, w).
            threshold: least face probability, in [0, 1].

        Returns:
            Picture, row and column of k cells (k, 3), their probabilities (k,) and regressions
            (k, 4).
        """
        features = self.features(x).permute(0, 2, 3, 1)
        weight, bias = self.conv4_1.weight.flatten(1), self.conv4_1.bias
        assert bias is not None  # noqa: S101 - for mypy
        # The probability is the logistic function of this difference, so it passes where that does;
        # the slack lets pass what rounding might have stopped.
        bound = torch.logit(torch.tensor(threshold)) - (bias[1] - bias[0])
        cells = (features @ (weight[1] - weight[0]) >= bound - _SLACK).nonzero()
        passed, scores, moves = self._answers(features[tuple(cells.T)], threshold)
        return cells[passed], scores, moves

    def judge(
        self, x: torch.Tensor, threshold: float
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The answers for k single windows.

        Args:
            x: the windows side by side, (1, 3, 12, 12 * k): convolutions are fast over long lines,
                and what they compute across the seams is not looked at.
            threshold: least face probability, in [0, 1].

        Returns:
            Whether a face is likely (k,); of the windows where it is, n, the probabilities (n,) and
            regressions (n, 4).
        """
        x = _max_pool(self.pool1, _prelu(self.prelu1, self.conv1(x)))
        x = _prelu(self.prelu2, self.conv2(x))  # of each window 3 columns are its own, of 6
        x = conv2d(x, self.conv3.weight, self.conv3.bias, stride=(1, 6))
        features = _prelu(self.prelu3, x)[0, :, 0].T
        return self._answers(features, threshold)

    def _answers(
        self, features: torch.Tensor, threshold: float
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Of features (k, 32) whether a face is likely; where it is, probabilities and moves."""
        assert self.conv4_1.bias is not None and self.conv4_2.bias is not None  # noqa: S101, PT018
        logits = features @ self.conv4_1.weight.flatten(1).T + self.conv4_1.bias
        scores = logits.softmax(dim=1)[:, 1]
        passed = scores >= threshold
        moves = features[passed] @ self.conv4_2.weight.flatten(1).T + self.conv4_2.bias
        return passed, scores[passed], moves


class RNet(nn.Module):
    """Refinement network: judges and moves 24×24 candidates."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 28, 3)
        self.prelu1 = nn.PReLU(28)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = nn.Conv2d(28, 48, 3)
        self.prelu2 = nn.PReLU(48)
        self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3 = nn.Conv2d(48, 64, 2)
        self.prelu3 = nn.PReLU(64)
        self.dense4 = nn.Linear(576, 128)
        self.prelu4 = nn.PReLU(128)
        self.dense5_1 = nn.Linear(128, 2)
        self.dense5_2 = nn.Linear(128, 4)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Regressions (n, 4) and probabilities (n, 2)."""
        x = self.features(x)
        return self.dense5_2(x), self.dense5_1(x).softmax(dim=1)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """What both answers are read from, (n, 128)."""
        x = _max_pool(self.pool1, _prelu(self.prelu1, self.conv1(x)))
        x = _max_pool(self.pool2, _prelu(self.prelu2, self.conv2(x)))
        x = _flat(_prelu(self.prelu3, self.conv3(x)))
        return self.prelu4(self.dense4(x))  # type: ignore[no-any-return]


class ONet(nn.Module):
    """Output network: judges and moves 48×48 candidates, and places five landmarks."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3)
        self.prelu1 = nn.PReLU(32)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.prelu2 = nn.PReLU(64)
        self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3 = nn.Conv2d(64, 64, 3)
        self.prelu3 = nn.PReLU(64)
        self.pool3 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv4 = nn.Conv2d(64, 128, 2)
        self.prelu4 = nn.PReLU(128)
        self.dense5 = nn.Linear(1152, 256)
        self.prelu5 = nn.PReLU(256)
        self.dense6_1 = nn.Linear(256, 2)
        self.dense6_2 = nn.Linear(256, 4)
        self.dense6_3 = nn.Linear(256, 10)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Regressions (n, 4), landmarks (n, 10: five x, then five y) and probabilities (n, 2)."""
        x = _max_pool(self.pool1, _prelu(self.prelu1, self.conv1(x)))
        x = _max_pool(self.pool2, _prelu(self.prelu2, self.conv2(x)))
        x = _max_pool(self.pool3, _prelu(self.prelu3, self.conv3(x)))
        x = self.prelu5(self.dense5(_flat(_prelu(self.prelu4, self.conv4(x)))))
        return self.dense6_2(x), self.dense6_3(x), self.dense6_1(x).softmax(dim=1)


def _flat(x: torch.Tensor) -> torch.Tensor:
    """(n, c, h, w) to (n, w * h * c): the order of the Caffe weights these networks come from."""
    return x.permute(0, 3, 2, 1).flatten(1)


def _plain(x: torch.Tensor) -> bool:
    """Whether PyTorch's own operation is to be used."""
    # Gradients first: they are on while a graph is traced, and then x is not a tensor.
    return torch.is_grad_enabled() or x.device.type != "cpu"


def _prelu(layer: nn.PReLU, x: torch.Tensor) -> torch.Tensor:
    if _plain(x) or (x.dtype == torch.float32 and x.shape[1] % 4 == 0 and x.shape[1] >= 16):
        return prelu(x, layer.weight)
    # PyTorch is slow on few channels, and in bfloat16. The slopes of a whole line of pixels
    # (channels last) make one long vector operation of it: from relu(x) to x by a, which is a * x
    # below zero and x above.
    slopes = layer.weight.view(1, -1, 1, 1).expand(1, -1, 1, x.shape[3])
    slopes = slopes.contiguous(memory_format=torch.channels_last)
    return relu(x).lerp_(x, slopes)


def _max_pool(layer: nn.MaxPool2d, x: torch.Tensor) -> torch.Tensor:
    size = int(layer.kernel_size)  # type: ignore[arg-type]
    if _plain(x):
        return max_pool2d(x, size, layer.stride, ceil_mode=True)
    return _max_along(_max_along(x, 2, size), 3, size)


def _max_along(x: torch.Tensor, dim: int, size: int) -> torch.Tensor:
    """Maxima of windows of 2 or 3 values at stride 2, the last window being cut off by the edge."""
    steps = -(-(x.shape[dim] - size) // 2) + 1
    first, second = (_every_other(x, dim, start, steps) for start in (0, 1))
    if first.shape[dim] > second.shape[dim]:  # the last window has one value
        most = first.clone(memory_format=torch.preserve_format)
        part = most.narrow(dim, 0, second.shape[dim])
        torch.maximum(part, second, out=part)
    else:
        most = torch.maximum(first, second)
    if size == 3:
        third = _every_other(x, dim, 2, steps)
        part = most.narrow(dim, 0, third.shape[dim])
        torch.maximum(part, third, out=part)
    return most


def _every_other(x: torch.Tensor, dim: int, start: int, steps: int) -> torch.Tensor:
    """`steps` slices from `start` at stride 2, or one less where the edge comes before."""
    return x[(slice(None),) * dim + (slice(start, start + 2 * steps - 1, 2),)]
