"""MagFace: long embeddings are good pictures, and have a larger margin."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import Tensor

from facewise.errors import TrainingError
from facewise.training.losses.face_loss import checked_range
from facewise.training.losses.margin_softmax import MarginSoftmax, SoftmaxOptions, cosine_of_sum

if TYPE_CHECKING:
    from typing_extensions import Unpack


class MagFace(MarginSoftmax):
    """s cos(theta_y + m(a)) for the right class, and lambda_g g(a) (Meng 2021, "MagFace", eq. 2).

    a = |x| kept in [l_a, u_a]; m(a) = l_m + (u_m - l_m) (a - l_a) / (u_a - l_a), with gradient, and
    g(a) = 1/a + a/u_a^2, which falls towards u_a, as its mean over the batch. Beyond
    theta_y = pi - m(a) the target goes on as ArcFace's.

    Args:
        num_classes: people in the training set.
        embedding_size: length d of the embeddings.
        norms: (l_a, u_a), 0 < l_a < u_a; (10, 110) are the paper's.
        margins: (l_m, u_m) in radians, in [0, pi/2]; (0.45, 0.8) are the paper's.
        penalty_weight: lambda_g; 35 is the paper's.
        scale: s.
        options: those of `MarginSoftmax`.
    """

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        *,
        norms: tuple[float, float] = (10.0, 110.0),
        margins: tuple[float, float] = (0.45, 0.8),
        penalty_weight: float = 35.0,
        scale: float = 64.0,
        **options: Unpack[SoftmaxOptions],
    ) -> None:
        super().__init__(num_classes, embedding_size, scale=scale, **options)
        self.shortest, self.longest = norms
        self.least, self.most = (
            checked_range("margins", margin, 0.0, math.pi / 2) for margin in margins
        )
        if not 0 < self.shortest < self.longest or self.least > self.most:
            raise TrainingError(
                "norms, margins: expected the lower limit before the upper, and norms above 0, "
                f"got {norms} and {margins}"
            )
        self.penalty_weight = checked_range("penalty_weight", penalty_weight, 0.0)

    def with_margin(self, cosine: Tensor, norms: Tensor) -> Tensor:
        """cos(theta + m(a)), see `cosine_of_sum`."""
        slope = (self.most - self.least) / (self.longest - self.shortest)
        a = norms.clamp(self.shortest, self.longest)
        return cosine_of_sum(cosine, self.least + slope * (a - self.shortest))

    def penalty(self, norms: Tensor) -> Tensor:
        """lambda_g times the mean of g(a)."""
        a = norms.clamp(self.shortest, self.longest)
        return self.penalty_weight * (1.0 / a + a / self.longest**2).mean()
