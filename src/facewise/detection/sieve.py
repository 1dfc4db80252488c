"""A quick look that spares MTCNN most of its work: where in a picture is a face possible?

Two small networks, taught by MTCNN's own (`bench/teach_sieve.py`). One says at which cells of a
level PNet might see a face, the other, on cheap crops, which of PNet's candidates RNet might keep.
What they let through MTCNN judges as ever, in float32. What they do not let through is missing when
the best of several boxes is chosen: then a neighbour stands for the face, or, seldom, nobody.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from facewise.detection.mipmaps import Pixels

PASSING = (-0.5, -2.2)
"""Least logits of a cell and of a candidate that pass; what they cost and lose is in
`docs/results/detection.md`."""

USUAL = (0.6, 0.7)
"""The thresholds that both were taught at."""
SLOPE = 2.0
"""A logit of theirs for one of MTCNN's: they were taught so."""


class CellSieve(nn.Module):
    """Whether PNet might see a face, for each of its cells."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            nn.Conv2d(3, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 16, 3), nn.ReLU(),
            nn.Conv2d(16, 32, 3), nn.ReLU(), nn.Conv2d(32, 1, 1),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, 1, (h - 2) // 2 - 4, …) for pixels in [0, 255], (n, 3, h, w)."""
        logits: torch.Tensor = self.steps(x)
        return logits


class CandidateSieve(nn.Module):
    """Whether RNet might keep a candidate."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            nn.Conv2d(3, 16, 4, 2), nn.ReLU(), nn.Conv2d(16, 24, 3, 2), nn.ReLU(),
            nn.Conv2d(24, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU(), nn.Conv2d(32, 1, 1),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, 1, 1, 1) for pixels in [0, 255], (n, 3, 24, 24)."""
        logits: torch.Tensor = self.steps(x)
        return logits


class Sieve:
    """Both, with the logits from which on something passes.

    Args:
        cells: computes what `CellSieve` does, from uint8 (n, 3, h, w).
        candidates: computes what `CandidateSieve` does, from uint8 (n, 3, 24, 24).
        passing: least logit of a cell, and of a candidate, at MTCNN's usual thresholds.
    """

    def __init__(
        self,
        cells: Callable[[torch.Tensor], torch.Tensor],
        candidates: Callable[[torch.Tensor], torch.Tensor],
        passing: tuple[float, float] = PASSING,
    ) -> None:
        self._cells = cells
        self._candidates = candidates
        self._passing = passing

    @torch.inference_mode()
    def cells(self, levels: Pixels, threshold: float) -> NDArray[np.intp]:
        """Which cells of a level are worth PNet's while.

        Args:
            levels: of pictures of one size, (n, h, w, 3).
            threshold: PNet's, a probability.

        Returns:
            Picture, row and column of each, (k, 3).
        """
        logits = self._cells(torch.from_numpy(levels).permute(0, 3, 1, 2))[:, 0].numpy()
        return np.argwhere(logits >= self._passing[0] + _lowered(threshold, 0))

    @torch.inference_mode()
    def candidates(self, crops: Pixels, threshold: float) -> NDArray[np.bool_]:
        """Which candidates are worth RNet's while.

        Args:
            crops: pixels, (n, 24, 24, 3).
            threshold: RNet's, a probability.

        Returns:
            For each whether it is, (n,).
        """
        logits = self._candidates(torch.from_numpy(crops).permute(0, 3, 1, 2))
        passed: Any = logits.numpy().reshape(-1) >= self._passing[1] + _lowered(threshold, 1)
        return passed  # type: ignore[no-any-return]


def _lowered(threshold: float, stage: int) -> float:
    """How much less is asked of something where MTCNN's threshold is below the usual one."""
    if threshold >= USUAL[stage]:
        return 0.0
    if threshold <= 0:
        return -math.inf
    return SLOPE * (logit(threshold) - logit(USUAL[stage]))


def logit(probability: float) -> float:
    """The logarithm of its odds."""
    return math.log(probability / (1 - probability))
