"""CurricularFace: easy pictures first, hard ones when the training is ready for them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from facewise.training.losses.face_loss import checked_range
from facewise.training.losses.margin_softmax import (
    MarginSoftmax,
    SoftmaxOptions,
    angle,
    cosine_of_sum,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack


class CurricularFace(MarginSoftmax):
    """ArcFace's target, and s cos(theta_j) (t + cos(theta_j)) for classes that are too near.

    Huang 2020, "CurricularFace", eq. 5 to 7: a wrong class is too near where
    cos(theta_j) > cos(theta_y + m). t is a running mean of cos(theta_y), each batch counting
    `momentum`; it starts at 0, where near classes hardly count, and grows with the training.

    Args:
        num_classes: people in the training set.
        embedding_size: length d of the embeddings.
        margin: m in radians, in [0, pi/2]; 0.5 is the paper's.
        momentum: share of the newest batch in t, in [0, 1]; 0.01 is the paper's.
        scale: s.
        options: those of `MarginSoftmax`.
    """

    t: Tensor

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        *,
        margin: float = 0.5,
        momentum: float = 0.01,
        scale: float = 64.0,
        **options: Unpack[SoftmaxOptions],
    ) -> None:
        super().__init__(num_classes, embedding_size, scale=scale, **options)
        self.margin = checked_range("margin", margin, 0.0, math.pi / 2)
        self.momentum = checked_range("momentum", momentum, 0.0, 1.0)
        self.register_buffer("t", torch.zeros(()))

    def logits(self, cosine: Tensor, targets: Tensor, norms: Tensor) -> Tensor:
        """The near classes weighted, the right one with its margin; see `MarginSoftmax`."""
        right = cosine.gather(1, targets[:, None])
        if self.training:
            self.t.lerp_(right.detach().mean().to(self.t), self.momentum)
        limit = (angle(right.detach()) + self.margin).cos()
        t = self.t.to(cosine.dtype, copy=True)  # the buffer itself changes before backward
        others = torch.where(cosine > limit, cosine * (t + cosine), cosine)
        scale = self.scales(norms)
        hard = cosine_of_sum(right[:, 0], self.margin)[:, None]
        return (others * scale).scatter_(1, targets[:, None], hard * scale)
