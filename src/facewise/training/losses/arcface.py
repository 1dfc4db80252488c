"""ArcFace: a margin added to the angle; and with several centers a person."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import Tensor

from facewise.training.losses.cosines import cosines
from facewise.training.losses.face_loss import checked_range
from facewise.training.losses.margin_softmax import MarginSoftmax, SoftmaxOptions, cosine_of_sum

if TYPE_CHECKING:
    from typing_extensions import Unpack


class ArcFace(MarginSoftmax):
    """s cos(theta_y + m) for the right class (Deng 2019, "ArcFace", arXiv 1801.07698, eq. 3).

    Beyond theta_y = pi - m, where the cosine would rise again, s (cos(theta_y) - m sin(m)) as in
    the authors' code. pytorch-metric-learning has it as `ArcFaceLoss`, with m in degrees; its
    numbers are the same, but its gradient is not finite at theta = 0.

    Args:
        num_classes: people in the training set.
        embedding_size: length d of the embeddings.
        margin: m in radians, in [0, pi/2]; 0.5 is the paper's.
        scale: s; 64 is the paper's.
        options: those of `MarginSoftmax`.
    """

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        *,
        margin: float = 0.5,
        scale: float = 64.0,
        **options: Unpack[SoftmaxOptions],
    ) -> None:
        super().__init__(num_classes, embedding_size, scale=scale, **options)
        self.margin = checked_range("margin", margin, 0.0, math.pi / 2)

    def with_margin(self, cosine: Tensor, norms: Tensor) -> Tensor:  # noqa: ARG002
        """cos(theta + m), see `cosine_of_sum`."""
        return cosine_of_sum(cosine, self.margin)


class SubCenterArcFace(ArcFace):
    """ArcFace on cos(theta_j) = max_k cos(theta_jk), over K centers a person.

    Deng 2020, "Sub-center ArcFace: Boosting Face Recognition by Large-scale Noisy Web Faces": wrong
    pictures of a person gather at centers of their own. pytorch-metric-learning has it as
    `SubCenterArcFaceLoss`; its numbers are the same.

    Args:
        num_classes: people in the training set.
        embedding_size: length d of the embeddings.
        sub_centers: K; 3 is the paper's.
        margin: m in radians.
        scale: s.
        options: those of `MarginSoftmax`.
    """

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        *,
        sub_centers: int = 3,
        margin: float = 0.5,
        scale: float = 64.0,
        **options: Unpack[SoftmaxOptions],
    ) -> None:
        self.sub_centers = int(checked_range("sub_centers", sub_centers, 1))
        super().__init__(num_classes, embedding_size, margin=margin, scale=scale, **options)

    def vector_shape(self) -> tuple[int, ...]:
        """Centers (K, d)."""
        return self.sub_centers, self.embedding_size

    def cosines(self, unit: Tensor, rows: Tensor) -> Tensor:
        """The cosine with the nearest center of each class."""
        every = cosines(unit, rows.reshape(-1, self.embedding_size))
        return every.view(len(unit), -1, self.sub_centers).amax(dim=2)
