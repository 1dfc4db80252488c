"""SphereFace: the angle multiplied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from facewise.training.losses.combined import falling_cosine
from facewise.training.losses.face_loss import checked_range
from facewise.training.losses.margin_softmax import MarginSoftmax, SoftmaxOptions, angle

if TYPE_CHECKING:
    from typing_extensions import Unpack


class SphereFace(MarginSoftmax):
    """|x| psi(m theta_y) for the right class, |x| cos(theta_j) for the others: A-Softmax.

    Liu 2017, "SphereFace", arXiv 1704.08063, eq. 6 and 7: psi(phi) = (-1)^k cos(phi) - 2k on
    phi in [k pi, (k + 1) pi], which holds for whole m and any other. As it hardly starts to learn
    with m = 4, the authors anneal: (lambda cos(theta_y) + psi(m theta_y)) / (1 + lambda), with
    lambda = max(5, 1000 / (1 + 0.12 t)) in step t of training (their published settings).
    pytorch-metric-learning has it as `SphereFaceLoss`, without annealing and for whole m; its
    numbers are then the same.

    Args:
        num_classes: people in the training set.
        embedding_size: length d of the embeddings.
        margin: m, at least 1; 4 is the paper's.
        annealing: whether psi is blended in; the step count is a buffer.
        scale: a number in place of |x|; None is the paper's.
        options: those of `MarginSoftmax`.
    """

    steps: Tensor

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        *,
        margin: float = 4.0,
        annealing: bool = True,
        scale: float | None = None,
        **options: Unpack[SoftmaxOptions],
    ) -> None:
        super().__init__(
            num_classes, embedding_size, scale=1.0 if scale is None else scale, **options
        )
        self.margin = checked_range("margin", margin, 1.0)
        self.annealing = annealing
        self.by_norm = scale is None
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def with_margin(self, cosine: Tensor, norms: Tensor) -> Tensor:  # noqa: ARG002
        """psi(m theta), blended with cos(theta) while annealing."""
        psi = falling_cosine(self.margin * angle(cosine))
        if not self.annealing:
            return psi
        plain = (1000.0 / (1.0 + 0.12 * self.steps)).clamp_min(5.0)
        if self.training:
            self.steps += 1
        return (plain * cosine + psi) / (1.0 + plain)

    def scales(self, norms: Tensor) -> Tensor:
        """The length of the embedding, or the number given for it."""
        return norms[:, None] if self.by_norm else super().scales(norms)
