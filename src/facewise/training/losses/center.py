"""Center loss: cross-entropy that separates people, and a pull that gathers each of them."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from facewise.training.losses.face_loss import checked_batch, checked_range, full_precision
from facewise.training.losses.softmax import Softmax


class CenterLoss(Softmax):
    """Cross-entropy + lambda / 2 |x_i - c_y|^2, mean over the batch (Wen 2016, eq. 5).

    The centers are parameters of the group "centers". Their gradient is not the derivative of the
    loss but the paper's update (eq. 4), independent of lambda:
    sum_i [y_i = j] (c_j - x_i) / (1 + sum_i [y_i = j]); an SGD step without momentum and
    decay at rate alpha is then c_j - alpha * update, as written there (alpha = 0.5).

    Args:
        num_classes: people in the training set.
        embedding_size: length d of the embeddings.
        weight: lambda; 0.003 is the paper's.
        focal: see `Softmax`.
        label_smoothing: see `Softmax`.
    """

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        *,
        weight: float = 0.003,
        focal: float = 0.0,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(num_classes, embedding_size, focal=focal, label_smoothing=label_smoothing)
        self.weight = checked_range("weight", weight, 0.0)
        self.centers = nn.Parameter(torch.zeros(num_classes, embedding_size))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch; see `FaceLoss`."""
        loss = super().forward(embeddings, labels)
        with full_precision(embeddings):
            vectors = checked_batch(embeddings, labels, self.embedding_size)
            pull = _Pull.apply(vectors, self.centers, labels, self.weight)
            return loss + cast(Tensor, pull)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """The classifier is the head; the centers have a rate of their own."""
        return {"head": list(self.classifier.parameters()), "centers": [self.centers]}


class _Pull(torch.autograd.Function):
    """weight / 2 * mean |x - c_y|^2, whose gradient for c is Wen's update."""

    @staticmethod
    def forward(
        ctx: Any, vectors: Tensor, centers: Tensor, labels: Tensor, weight: float
    ) -> Tensor:
        away = vectors - centers[labels]
        ctx.save_for_backward(away, labels)
        ctx.weight, ctx.num_classes = weight, len(centers)
        return away.square().sum() * (weight / 2 / len(vectors))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        away, labels = ctx.saved_tensors
        counts = torch.bincount(labels, minlength=ctx.num_classes).to(away)
        update = away.new_zeros(ctx.num_classes, away.shape[1]).index_add_(0, labels, -away)
        update /= 1.0 + counts[:, None]
        # The scaler of mixed precision multiplies the loss and divides the gradients again.
        return gradient * away * (ctx.weight / len(away)), gradient * update, None, None
