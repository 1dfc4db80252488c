"""Softmax on cosines: the part that all margin losses share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import torch
from torch import Tensor

from facewise.training.losses.class_weights import ClassWeights
from facewise.training.losses.cosines import cosines, unit_rows
from facewise.training.losses.cross_entropy import cross_entropy
from facewise.training.losses.face_loss import (
    FaceLoss,
    checked_batch,
    checked_range,
    full_precision,
)
from facewise.training.losses.sampled_weights import SampledClassWeights

if TYPE_CHECKING:
    from torch.optim import Optimizer

# The derivative of arccos is infinite at 1 and -1; here it is at most 707.
CLOSEST = 1.0 - 1e-6


class SoftmaxOptions(TypedDict, total=False):
    """The keywords of `MarginSoftmax`, which all margin losses take."""

    focal: float
    label_smoothing: float
    sample_rate: float
    seed: int


class MarginSoftmax(FaceLoss):
    """Cross-entropy of s cos(theta_j), with a margin on the right class.

    A loss of this kind overrides `with_margin`; where more than the right class changes, `logits`.

    Args:
        num_classes: people in the training set.
        embedding_size: length d of the embeddings.
        scale: s, positive.
        focal: exponent of the focal factor, see `cross_entropy`; 0 is without.
        label_smoothing: in [0, 1], see `cross_entropy`.
        sample_rate: share of the classes in a step, in [0, 1]; below 1 see `SampledClassWeights`,
            and `attach`.
        seed: of the sampling.

    Raises:
        TrainingError: an option out of its range; names it.
    """

    can_begin_with_people = True

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        *,
        scale: float = 64.0,
        focal: float = 0.0,
        label_smoothing: float = 0.0,
        sample_rate: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__(embedding_size)
        self.num_classes = num_classes
        self.scale = checked_range("scale", scale, 1e-6)
        self.focal = checked_range("focal", focal, 0.0)
        self.label_smoothing = checked_range("label_smoothing", label_smoothing, 0.0, 1.0)
        vector = self.vector_shape()
        self.class_weights: ClassWeights
        if checked_range("sample_rate", sample_rate, 0.0, 1.0) < 1:
            self.class_weights = SampledClassWeights(
                num_classes, *vector, sample_rate=sample_rate, seed=seed
            )
        else:
            self.class_weights = ClassWeights(num_classes, *vector)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch; see `FaceLoss`."""
        with full_precision(embeddings):
            vectors = checked_batch(embeddings, labels, self.embedding_size, self.num_classes)
            norms = torch.linalg.vector_norm(vectors, dim=1)
            rows, targets = self.class_weights(labels)
            cosine = self.cosines(unit_rows(vectors, norms), rows)
            loss = cross_entropy(
                self.logits(cosine, targets, norms),
                targets,
                focal=self.focal,
                label_smoothing=self.label_smoothing,
            )
            return loss + self.penalty(norms)

    def begin_with(self, directions: Tensor) -> None:
        """See `FaceLoss`; all centers of a person begin there, a little apart."""
        known = ~directions.isnan().any(dim=1)
        with torch.no_grad():
            weight = self.class_weights.weight
            rows = directions[known].to(weight)
            if weight.ndim == 2:
                weight[known] = rows
            else:
                apart = 0.1 * torch.randn(len(rows), *weight.shape[1:]).to(weight)
                apart *= weight.shape[-1] ** -0.5
                weight[known] = rows[:, None] + apart

    def attach(self, optimizer: Optimizer) -> None:
        """Let sampled class weights take part in the optimiser's steps; see `FaceLoss`."""
        self.class_weights.attach(optimizer)

    def vector_shape(self) -> tuple[int, ...]:
        """The shape of what a class has: a vector (d,)."""
        return (self.embedding_size,)

    def cosines(self, unit: Tensor, rows: Tensor) -> Tensor:
        """Cosines (n, c) of unit embeddings (n, d) and the rows of c classes."""
        return cosines(unit, rows)

    def logits(self, cosine: Tensor, targets: Tensor, norms: Tensor) -> Tensor:
        """What the softmax sees.

        Args:
            cosine: (n, c) of every picture and class.
            targets: int64 (n,), the right class.
            norms: (n,) of the embeddings.

        Returns:
            (n, c).
        """
        scale = self.scales(norms)
        right = self.with_margin(cosine.gather(1, targets[:, None])[:, 0], norms)[:, None]
        return (cosine * scale).scatter_(1, targets[:, None], right * scale)

    def with_margin(self, cosine: Tensor, norms: Tensor) -> Tensor:
        """The cosines (n,) of the right classes, made harder; `norms` (n,) of the embeddings."""
        raise NotImplementedError

    def scales(self, norms: Tensor) -> Tensor:
        """What multiplies the cosines, (n, 1) or (1, 1)."""
        return norms.new_full((1, 1), self.scale)

    def penalty(self, norms: Tensor) -> Tensor:
        """What is added to the cross-entropy: a scalar, mostly zero."""
        return norms.new_zeros(())


def angle(cosine: Tensor) -> Tensor:
    """The angle in radians, kept 1.4e-3 away from 0 and pi, where arccos has no slope."""
    return cosine.clamp(-CLOSEST, CLOSEST).arccos()


def cosine_of_sum(cosine: Tensor, margin: Tensor | float) -> Tensor:
    """cos(theta + m) as ArcFace's authors continue it beyond pi, falling everywhere.

    cos(theta + m) where theta <= pi - m, and cos(theta) - m sin(m) beyond, where the cosine of the
    sum would rise again. Both fall with theta, and so does the step between them.

    Args:
        cosine: (n,) cos(theta).
        margin: m in [0, pi] radians, one or (n,).
    """
    m = torch.as_tensor(margin, dtype=cosine.dtype, device=cosine.device)
    theta = angle(cosine)
    return torch.where(theta <= torch.pi - m, (theta + m).cos(), cosine - m * m.sin())
