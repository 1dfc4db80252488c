"""The loss on triplets that come ready-made in the batch."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from facewise.errors import TrainingError
from facewise.training.losses.face_loss import (
    FaceLoss,
    checked_batch,
    checked_range,
    full_precision,
)
from facewise.training.losses.triplet import mean_where

KEPT = ("all", "semi-hard", "hard")


class OfflineTripletLoss(FaceLoss):
    """max(0, d(a, p) - d(a, n) + m), mean over the batch's triplets that violate the margin.

    The batch is anchor, positive, negative, anchor, positive, negative, … as
    `TripletList.pictures` has them; d as in `TripletLoss`. Of the triplets that violate the margin
    all count, or only those that are semi-hard (the negative is farther than the positive) or hard
    (it is not); without any the loss is zero, with a gradient of zero.

    Args:
        embedding_size: length d of the embeddings.
        margin: m in (0, 4]; 0.2 is Schroff's.
        keep: "all", "semi-hard" or "hard".

    Raises:
        TrainingError: an option out of its range.
    """

    def __init__(self, embedding_size: int, *, margin: float = 0.2, keep: str = "all") -> None:
        super().__init__(embedding_size)
        if keep not in KEPT:
            raise TrainingError(f"keep: expected one of {', '.join(KEPT)}, got {keep!r}")
        self.margin = checked_range("margin", margin, 1e-6, 4.0)
        self.keep = keep

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch of 3 m pictures; see `FaceLoss`.

        Raises:
            TrainingError: also where the labels are not those of triplets.
        """
        with full_precision(embeddings):
            vectors = checked_batch(embeddings, labels, self.embedding_size)
            if len(labels) % 3:
                raise TrainingError(f"batch: expected triplets, got {len(labels)} pictures")
            anchors, positives, negatives = labels.view(-1, 3).unbind(dim=1)
            if bool(((anchors != positives) | (anchors == negatives)).any()):
                raise TrainingError(
                    "batch: expected anchor, positive, negative in turn, got other labels"
                )
            unit = functional.normalize(vectors).view(-1, 3, self.embedding_size)
            to_positive = (unit[:, 0] - unit[:, 1]).square().sum(dim=1)
            to_negative = (unit[:, 0] - unit[:, 2]).square().sum(dim=1)
            violation = to_positive - to_negative + self.margin
            counts = violation > 0
            if self.keep == "semi-hard":
                counts &= to_negative > to_positive
            elif self.keep == "hard":
                counts &= to_negative <= to_positive
            return mean_where(counts, violation)
