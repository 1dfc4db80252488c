"""CosFace: a margin taken from the cosine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from facewise.training.losses.face_loss import checked_range
from facewise.training.losses.margin_softmax import MarginSoftmax, SoftmaxOptions

if TYPE_CHECKING:
    from typing_extensions import Unpack


class CosFace(MarginSoftmax):
    """s (cos(theta_y) - m) for the right class (Wang 2018, "CosFace", arXiv 1801.09414, eq. 4).

    pytorch-metric-learning has it as `CosFaceLoss`; its numbers are the same.

    Args:
        num_classes: people in the training set.
        embedding_size: length d of the embeddings.
        margin: m in [0, 1]; 0.35 is the paper's.
        scale: s; 64 is the paper's.
        options: those of `MarginSoftmax`.
    """

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        *,
        margin: float = 0.35,
        scale: float = 64.0,
        **options: Unpack[SoftmaxOptions],
    ) -> None:
        super().__init__(num_classes, embedding_size, scale=scale, **options)
        self.margin = checked_range("margin", margin, 0.0, 1.0)

    def with_margin(self, cosine: Tensor, norms: Tensor) -> Tensor:  # noqa: ARG002
        """cos(theta) - m."""
        return cosine - self.margin
