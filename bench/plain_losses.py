"""ArcFace as its formula is usually written down, to measure against."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class OneHotArcFace(nn.Module):
    """Deng 2019, eq. 3, over full matrices: the sine of every angle, and a one-hot choice.

    Args:
        people: classes.
        size: length of the vectors.
        margin: radians.
        scale: of the logits.
    """

    def __init__(self, people: int, size: int, margin: float = 0.5, scale: float = 64.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(people, size))
        self.margin, self.scale = margin, scale

    def forward(self, vectors: Tensor, labels: Tensor) -> Tensor:
        cosine = F.linear(F.normalize(vectors), F.normalize(self.weight)).clamp(-1, 1)
        sine = (1.0 - cosine.square()).clamp_min(1e-12).sqrt()
        moved = cosine * math.cos(self.margin) - sine * math.sin(self.margin)
        folded = cosine - math.sin(self.margin) * self.margin
        moved = torch.where(cosine > -math.cos(self.margin), moved, folded)
        one_hot = torch.zeros_like(cosine).scatter_(1, labels[:, None], 1.0)
        logits = self.scale * (one_hot * moved + (1.0 - one_hot) * cosine)
        return F.cross_entropy(logits, labels)
