"""Softmax without a margin: as a linear classifier, and on cosines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from facewise.training.losses.class_weights import initial_weights
from facewise.training.losses.cross_entropy import cross_entropy
from facewise.training.losses.face_loss import (
    FaceLoss,
    checked_batch,
    checked_range,
    full_precision,
)
from facewise.training.losses.margin_softmax import MarginSoftmax, SoftmaxOptions

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Softmax(FaceLoss):
    """Cross-entropy of a linear classifier: -log softmax(W x + b)_y, mean over the batch.

    Args:
        num_classes: people in the training set.
        embedding_size: length d of the embeddings.
        focal: exponent of the focal factor, see `cross_entropy`; 0 is without.
        label_smoothing: in [0, 1], see `cross_entropy`.

    Raises:
        TrainingError: an option out of its range; names it.
    """

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        *,
        focal: float = 0.0,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(embedding_size)
        self.num_classes = num_classes
        self.focal = checked_range("focal", focal, 0.0)
        self.label_smoothing = checked_range("label_smoothing", label_smoothing, 0.0, 1.0)
        self.classifier = nn.Linear(embedding_size, num_classes)
        self.classifier.weight.data = initial_weights(num_classes, embedding_size)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch; see `FaceLoss`."""
        with full_precision(embeddings):
            vectors = checked_batch(embeddings, labels, self.embedding_size, self.num_classes)
            return cross_entropy(
                self.classifier(vectors),
                labels,
                focal=self.focal,
                label_smoothing=self.label_smoothing,
            )


class NormFace(MarginSoftmax):
    """Softmax on s cos(theta_j) (Wang 2017, "NormFace: L2 Hypersphere Embedding").

    pytorch-metric-learning has it as `NormalizedSoftmaxLoss` on unit embeddings, with temperature
    1 / s.

    Args:
        num_classes: people in the training set.
        embedding_size: length d of the embeddings.
        scale: s.
        options: those of `MarginSoftmax`.
    """

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        *,
        scale: float = 30.0,
        **options: Unpack[SoftmaxOptions],
    ) -> None:
        super().__init__(num_classes, embedding_size, scale=scale, **options)

    def with_margin(self, cosine: Tensor, norms: Tensor) -> Tensor:  # noqa: ARG002
        """The cosines as they are."""
        return cosine
