"""AdaFace: the margin follows the quality of the picture, as the embedding's length tells it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from facewise.training.losses.face_loss import checked_range
from facewise.training.losses.margin_softmax import MarginSoftmax, SoftmaxOptions, angle

if TYPE_CHECKING:
    from typing_extensions import Unpack

_EPSILON = 1e-3  # the authors' code: of the deviation, and of the angle from 0 and pi


class AdaFace(MarginSoftmax):
    """s (cos(theta_y - m z) - m z - m) for the right class (Kim 2022, "AdaFace", eq. 15 and 16).

    z = clip(h (|x| - mu) / (sigma + 0.001), -1, 1), without gradient, with |x| in [0.001, 100]; mu
    and sigma are running means over the batches' mean and deviation (n - 1), each batch counting
    `momentum`, and start as 20 and 100. The angle is kept in [0.001, pi - 0.001].

    Args:
        num_classes: people in the training set.
        embedding_size: length d of the embeddings.
        margin: m in [0, pi/2]; 0.4 is the paper's.
        concentration: h; 0.333 is the paper's.
        momentum: share of the newest batch in the running means, in [0, 1]; 0.01 is the paper's.
        scale: s.
        options: those of `MarginSoftmax`.
    """

    norm_mean: Tensor
    norm_std: Tensor

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        *,
        margin: float = 0.4,
        concentration: float = 0.333,
        momentum: float = 0.01,
        scale: float = 64.0,
        **options: Unpack[SoftmaxOptions],
    ) -> None:
        super().__init__(num_classes, embedding_size, scale=scale, **options)
        self.margin = checked_range("margin", margin, 0.0, math.pi / 2)
        self.concentration = checked_range("concentration", concentration, 0.0)
        self.momentum = checked_range("momentum", momentum, 0.0, 1.0)
        self.register_buffer("norm_mean", torch.tensor(20.0))
        self.register_buffer("norm_std", torch.tensor(100.0))

    def with_margin(self, cosine: Tensor, norms: Tensor) -> Tensor:
        """cos(theta - m z) - m z - m."""
        z = self._quality(norms.detach().clamp(1e-3, 100.0))
        turned = (angle(cosine) - self.margin * z).clamp(_EPSILON, math.pi - _EPSILON)
        return turned.cos() - self.margin * z - self.margin

    def _quality(self, norms: Tensor) -> Tensor:
        """The quality z (n,) in [-1, 1]; in training the running means take the batch in first."""
        if self.training:
            self.norm_mean.lerp_(norms.mean().to(self.norm_mean), self.momentum)
            if len(norms) > 1:  # one picture has no deviation
                self.norm_std.lerp_(norms.std().to(self.norm_std), self.momentum)
        z = (norms - self.norm_mean) / (self.norm_std + _EPSILON)
        return (self.concentration * z).clamp(-1.0, 1.0)
