"""dlib's face recognition network: a residual network of 29 convolutions, 150×150 RGB to 128-d.

The architecture is `anet_type` of dlib's example `dnn_face_recognition_ex.cpp`: ResNet-34 (He et
al., 2015) with fewer layers and half the filters. Every convolution of dlib is followed by an
`affine_` layer, the frozen form of batch normalisation; here it is folded into the convolution, so
a `Conv2d` of this module stands for both.
"""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

# Channels, number of blocks and whether the first block halves the picture, from the input to
# the output: alevel4 to alevel0 of dlib's example.
_STAGES = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut without weights: dlib's `ares` and `ares_down`.

    Attributes:
        downsamples: the first convolution has stride 2, and the shortcut is a 2×2 mean.
    """

    def __init__(self, channels_in: int, channels: int, *, downsamples: bool = False) -> None:
        super().__init__()
        self.downsamples = downsamples
        self._new_channels = channels - channels_in
        # dlib pads a convolution only if its stride is 1.
        stride, padding = (2, 0) if downsamples else (1, 1)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels, H', W')."""
        y = self.conv2(F.relu(self.conv1(x)))
        if not self.downsamples:
            return F.relu(x + y)
        # dlib's `add_prev_` fills the smaller one up with zeros in each dimension: the shortcut has
        # fewer channels, and an unpadded 3×3 convolution of stride 2 leaves one row and column less
        # than a 2×2 mean where the size is even.
        shortcut = F.pad(F.avg_pool2d(x, 2), (0, 0, 0, 0, 0, self._new_channels))
        missing = (shortcut.shape[3] - y.shape[3], shortcut.shape[2] - y.shape[2])
        return F.relu(shortcut + F.pad(y, (0, missing[0], 0, missing[1])))


class DlibResNet29(nn.Module):
    """The embedder behind `dlib.face_recognition_model_v1`, for inference and for fine-tuning.

    dlib trained it with a metric loss on unnormalised vectors, where 0.6 of Euclidean distance
    separates two people; so the output is not of unit length.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _STAGES[0][0], 7, stride=2)
        stages = []
        channels_in = _STAGES[0][0]
        for channels, count, downsamples in _STAGES:
            blocks = [ResidualBlock(channels_in, channels, downsamples=downsamples)]
            blocks += [ResidualBlock(channels, channels) for _ in range(count - 1)]
            stages.append(nn.Sequential(*blocks))
            channels_in = channels
        self.stages = nn.Sequential(*stages)
        self.projection = nn.Linear(channels_in, 128, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Embed normalised chips.

        Args:
            x: RGB chips, float, shape (N, 3, 150, 150), as `(chip - mean) / 256` with the mean
                (122.782, 117.001, 104.298) in 0–255 units.

        Returns:
            Vectors of shape (N, 128), not normalised.
        """
        x = F.max_pool2d(F.relu(self.stem(x)), 3, 2)
        x = self.stages(x)
        embedding: Tensor = self.projection(x.mean(dim=(2, 3)))
        return embedding
