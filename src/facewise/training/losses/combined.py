"""The three margins in one: on the angle's multiple, on the angle, on the cosine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from facewise.training.losses.face_loss import checked_range
from facewise.training.losses.margin_softmax import MarginSoftmax, SoftmaxOptions, angle

if TYPE_CHECKING:
    from typing_extensions import Unpack


class CombinedMargin(MarginSoftmax):
    """s (psi(m1 theta_y + m2) - m3) for the right class (Deng 2019, "ArcFace", eq. 4).

    psi is the cosine up to pi and falls on beyond, see `falling_cosine`. So (m1, 0, 0) is
    SphereFace's margin, (1, 0, m3) CosFace and (1, m2, 0) ArcFace; the last up to theta = pi - m2,
    beyond which the authors of ArcFace go on in another way.

    Args:
        num_classes: people in the training set.
        embedding_size: length d of the embeddings.
        margin1: m1, at least 1; (1, 0.3, 0.2) are the paper's.
        margin2: m2 in radians, in [0, pi/2].
        margin3: m3 in [0, 1].
        scale: s.
        options: those of `MarginSoftmax`.
    """

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        *,
        margin1: float = 1.0,
        margin2: float = 0.3,
        margin3: float = 0.2,
        scale: float = 64.0,
        **options: Unpack[SoftmaxOptions],
    ) -> None:
        super().__init__(num_classes, embedding_size, scale=scale, **options)
        self.margin1 = checked_range("margin1", margin1, 1.0)
        self.margin2 = checked_range("margin2", margin2, 0.0, math.pi / 2)
        self.margin3 = checked_range("margin3", margin3, 0.0, 1.0)

    def with_margin(self, cosine: Tensor, norms: Tensor) -> Tensor:  # noqa: ARG002
        """psi(m1 theta + m2) - m3."""
        return falling_cosine(self.margin1 * angle(cosine) + self.margin2) - self.margin3


def falling_cosine(radians: Tensor) -> Tensor:
    """The cosine made to fall everywhere: (-1)^k cos(phi) - 2k with k = floor(phi / pi).

    Liu 2017, "SphereFace", eq. 7. Continuous, and the cosine itself in [0, pi].
    """
    k = torch.floor(radians.detach() / torch.pi)
    return (1.0 - 2.0 * (k % 2)) * radians.cos() - 2.0 * k
