"""Inception-ResNet-v2 with an embedding head.

Szegedy et al. 2016, https://arxiv.org/abs/1602.07261, in the shape of TensorFlow's release, which
has a wider stem than the paper. The layer names are those of Cadene/pretrained-models.pytorch, so
that ImageNet weights, and those of tamerthamoqa/facenet-pytorch-vggface2, load.
"""

from __future__ import annotations

from torch import Tensor, nn

from facewise.embedding.heads import Head
from facewise.embedding.inception_blocks import (
    Branch,
    Conv,
    Parallel,
    Residual,
    conv_layer,
    square,
)

_MIXED_5B: tuple[Branch, ...] = (
    (square(96, 1),),
    (square(48, 1), square(64, 5)),
    (square(64, 1), square(96, 3), square(96, 3)),
)
_BLOCK35: tuple[Branch, ...] = (
    (square(32, 1),),
    (square(32, 1), square(32, 3)),
    (square(32, 1), square(48, 3), square(64, 3)),
)
_MIXED_6A: tuple[Branch, ...] = (
    (square(384, 3, stride=2),),
    (square(256, 1), square(256, 3), square(384, 3, stride=2)),
)
_BLOCK17: tuple[Branch, ...] = (
    (square(192, 1),),
    (square(128, 1), Conv(160, (1, 7)), Conv(192, (7, 1))),
)
_MIXED_7A: tuple[Branch, ...] = (
    (square(256, 1), square(384, 3, stride=2)),
    (square(256, 1), square(288, 3, stride=2)),
    (square(256, 1), square(288, 3), square(320, 3, stride=2)),
)
_BLOCK8: tuple[Branch, ...] = (
    (square(192, 1),),
    (square(192, 1), Conv(224, (1, 3)), Conv(256, (3, 1))),
)
_FEATURES = 1536


class InceptionResnetV2(nn.Module):
    """Faces of any square size from 75×75 pixels (published weights: 299) to an embedding."""

    def __init__(self, head: Head | None = None) -> None:
        """Build the network with random weights.

        Args:
            head: form and length of the embedding; by default one linear layer to 512.
        """
        super().__init__()
        self.conv2d_1a = conv_layer(3, square(32, 3, stride=2))
        self.conv2d_2a = conv_layer(32, square(32, 3))
        self.conv2d_2b = conv_layer(32, square(64, 3), padded=True)
        self.maxpool_3a = nn.MaxPool2d(3, stride=2)
        self.conv2d_3b = conv_layer(64, square(80, 1))
        self.conv2d_4a = conv_layer(80, square(192, 3))
        self.maxpool_5a = nn.MaxPool2d(3, stride=2)
        averaged = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        self.mixed_5b = Parallel(
            192, _MIXED_5B, pooled=nn.Sequential(averaged, conv_layer(192, square(64, 1)))
        )
        self.repeat = nn.Sequential(*(Residual(320, _BLOCK35, scale=0.17) for _ in range(10)))
        self.mixed_6a = Parallel(320, _MIXED_6A, pooled=nn.MaxPool2d(3, stride=2))
        self.repeat_1 = nn.Sequential(*(Residual(1088, _BLOCK17, scale=0.10) for _ in range(20)))
        self.mixed_7a = Parallel(1088, _MIXED_7A, pooled=nn.MaxPool2d(3, stride=2))
        self.repeat_2 = nn.Sequential(*(Residual(2080, _BLOCK8, scale=0.20) for _ in range(9)))
        self.block8 = Residual(2080, _BLOCK8, scale=1.0, relu=False)
        self.conv2d_7b = conv_layer(2080, square(_FEATURES, 1))
        self.avgpool_1a = nn.AdaptiveAvgPool2d(1)
        self.last_linear = (head or Head()).build(_FEATURES)

    def forward(self, x: Tensor) -> Tensor:
        """Embed a batch.

        Args:
            x: normalised RGB faces, float, shape (n, 3, S, S).

        Returns:
            Embeddings, not normalised, shape (n, d).
        """
        x = self.maxpool_3a(self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(x))))
        x = self.maxpool_5a(self.conv2d_4a(self.conv2d_3b(x)))
        x = self.mixed_6a(self.repeat(self.mixed_5b(x)))
        x = self.mixed_7a(self.repeat_1(x))
        x = self.conv2d_7b(self.block8(self.repeat_2(x)))
        embeddings: Tensor = self.last_linear(self.avgpool_1a(x).flatten(1))
        return embeddings
