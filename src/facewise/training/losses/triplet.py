"""Triplets: an anchor nearer to its person than to anyone else, by a margin."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from facewise.errors import TrainingError
from facewise.training.losses.face_loss import (
    FaceLoss,
    checked_batch,
    checked_range,
    full_precision,
)

MININGS = ("semi-hard", "hard", "all", "easy-positive")


class TripletLoss(FaceLoss):
    """max(0, d(a, p) - d(a, n) + m), mean over the mined triplets that violate the margin.

    Schroff 2015, "FaceNet", eq. 3, with d the squared Euclidean distance of embeddings of unit
    length, in [0, 4]. Triplets are mined in the batch, among all anchors, their other pictures and
    other people:

    - "semi-hard": negatives farther than the positive, but by less than m (Schroff 2015, eq. 4);
    - "hard": negatives no farther than the positive;
    - "all": both of these;
    - "easy-positive": of each anchor the nearest positive, with the nearest negative that is
      farther (Xuan 2020, "Improved Embeddings with Easy Positive Triplet Mining").

    A batch without such triplets gives zero, with a gradient of zero. The numbers are those of
    pytorch-metric-learning's `TripletMarginMiner` (or `BatchEasyHardMiner`) and `TripletMarginLoss`
    with `LpDistance(power=2)`. Those look at all n^3 triplets of a batch, here pairs meet the batch
    in n^2 (k - 1) numbers for k pictures a person: a twelfth of the time at n = 512, k = 4.

    Args:
        embedding_size: length d of the embeddings.
        margin: m in (0, 4]; 0.2 is Schroff's.
        mining: which triplets.

    Raises:
        TrainingError: an option out of its range.
    """

    needs_pairs = True

    def __init__(
        self, embedding_size: int, *, margin: float = 0.2, mining: str = "semi-hard"
    ) -> None:
        super().__init__(embedding_size)
        if mining not in MININGS:
            raise TrainingError(f"mining: expected one of {', '.join(MININGS)}, got {mining!r}")
        self.margin = checked_range("margin", margin, 1e-6, 4.0)
        self.mining = mining

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch; see `FaceLoss`."""
        with full_precision(embeddings):
            vectors = checked_batch(embeddings, labels, self.embedding_size)
            unit = functional.normalize(vectors)
            distances = 2.0 - 2.0 * (unit @ unit.T)
            same = labels[:, None] == labels
            pairs = same & ~torch.eye(len(labels), dtype=torch.bool, device=same.device)
            if self.mining == "easy-positive":
                return self._of_nearest(distances, pairs, ~same)
            return self._of_pairs(distances, pairs, ~same)

    def _of_pairs(self, distances: Tensor, pairs: Tensor, others: Tensor) -> Tensor:
        """Every pair of a person with every other person's picture, as mined."""
        anchors, positives = pairs.nonzero(as_tuple=True)
        from_anchor = distances.index_select(0, anchors)
        gap = from_anchor - from_anchor.gather(1, positives[:, None])
        mined = others.index_select(0, anchors) & (gap < self.margin)
        if self.mining == "semi-hard":
            mined &= gap > 0
        elif self.mining == "hard":
            mined &= gap <= 0
        return mean_where(mined, self.margin - gap)

    def _of_nearest(self, distances: Tensor, pairs: Tensor, others: Tensor) -> Tensor:
        """Each anchor with its nearest positive, and the nearest negative beyond that."""
        positive = distances.where(pairs, torch.inf).argmin(dim=1, keepdim=True)
        to_positive = distances.gather(1, positive)
        beyond = others & (distances > to_positive) & pairs.any(dim=1, keepdim=True)
        negative = distances.where(beyond, torch.inf).argmin(dim=1, keepdim=True)
        violation = to_positive - distances.gather(1, negative) + self.margin
        return mean_where(beyond.any(dim=1, keepdim=True) & (violation > 0), violation)


def mean_where(mask: Tensor, values: Tensor) -> Tensor:
    """The mean of some of the values; zero, with a gradient of zero, where there are none."""
    return torch.where(mask, values, 0.0).sum() / mask.sum().clamp_min(1)
