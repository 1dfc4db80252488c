"""Inception-ResNet-v1 as trained for FaceNet.

Szegedy et al. 2016, https://arxiv.org/abs/1602.07261, with the head of davidsandberg/facenet. The
layer names are those of the facenet-pytorch 2.6.0 package, so that its state_dicts load strictly.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from facewise.embedding.inception_blocks import (
    BATCH_NORM_EPS,
    Branch,
    Conv,
    Parallel,
    Residual,
    conv_layer,
    square,
)

_BLOCK35: tuple[Branch, ...] = (
    (square(32, 1),),
    (square(32, 1), square(32, 3)),
    (square(32, 1), square(32, 3), square(32, 3)),
)
_MIXED_6A: tuple[Branch, ...] = (
    (square(384, 3, stride=2),),
    (square(192, 1), square(192, 3), square(256, 3, stride=2)),
)
_BLOCK17: tuple[Branch, ...] = (
    (square(128, 1),),
    (square(128, 1), Conv(128, (1, 7)), Conv(128, (7, 1))),
)
_MIXED_7A: tuple[Branch, ...] = (
    (square(256, 1), square(384, 3, stride=2)),
    (square(256, 1), square(256, 3, stride=2)),
    (square(256, 1), square(256, 3), square(256, 3, stride=2)),
)
_BLOCK8: tuple[Branch, ...] = (
    (square(192, 1),),
    (square(192, 1), Conv(192, (1, 3)), Conv(192, (3, 1))),
)


class InceptionResnetV1(nn.Module):
    """Faces of 160×160 pixels to 512 numbers, or to another count of them.

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
        embedding_size: int = 512,
    ) -> None:
        """Build the network with random weights.

        Args:
            num_classes: add a layer `logits` of that many classes. The published files have one:
                8,631 (VGGFace2) and 10,575 (CASIA-WebFace).
            classify: let `forward` return the logits.
            dropout_prob: share of the 1,792 features zeroed in training, in [0, 1].
            embedding_size: numbers of an embedding; davidsandberg/facenet had 128 until 2018.

        Raises:
            ValueError: `classify` without `num_classes`.
        """
        super().__init__()
        if classify and num_classes is None:
            raise ValueError("classify=True needs num_classes, the number of classes")
        self.num_classes = num_classes
        self.classify = classify

        self.conv2d_1a = conv_layer(3, square(32, 3, stride=2))
        self.conv2d_2a = conv_layer(32, square(32, 3))
        self.conv2d_2b = conv_layer(32, square(64, 3), padded=True)
        self.maxpool_3a = nn.MaxPool2d(3, stride=2)
        self.conv2d_3b = conv_layer(64, square(80, 1))
        self.conv2d_4a = conv_layer(80, square(192, 3))
        self.conv2d_4b = conv_layer(192, square(256, 3, stride=2))
        self.repeat_1 = nn.Sequential(*(Residual(256, _BLOCK35, scale=0.17) for _ in range(5)))
        self.mixed_6a = Parallel(256, _MIXED_6A, pooled=nn.MaxPool2d(3, stride=2))
        self.repeat_2 = nn.Sequential(*(Residual(896, _BLOCK17, scale=0.10) for _ in range(10)))
        self.mixed_7a = Parallel(896, _MIXED_7A, pooled=nn.MaxPool2d(3, stride=2))
        self.repeat_3 = nn.Sequential(*(Residual(1792, _BLOCK8, scale=0.20) for _ in range(5)))
        self.block8 = Residual(1792, _BLOCK8, scale=1.0, relu=False)
        self.avgpool_1a = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout_prob)
        self.last_linear = nn.Linear(1792, embedding_size, bias=False)
        self.last_bn = nn.BatchNorm1d(embedding_size, eps=BATCH_NORM_EPS)
        if num_classes is not None:
            self.logits = nn.Linear(embedding_size, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Embed, or classify, a batch.

        Args:
            x: normalised RGB faces, float, shape (n, 3, S, S).

        Returns:
            Embeddings of L2 norm 1, shape (n, embedding_size); with `classify` the logits, shape
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
