"""One weight vector (or several) for every person, all of them in every step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from facewise.errors import TrainingError

if TYPE_CHECKING:
    from torch.optim import Optimizer


class ClassWeights(nn.Module):
    """The weights of all classes, as a parameter.

    Attributes:
        weight: (num_classes, *vector).
    """

    weight: Tensor

    def __init__(self, num_classes: int, *vector: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(initial_weights(num_classes, *vector))

    def forward(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The rows that take part in a step, and where the labels stand among them.

        Args:
            labels: int64 (n,) in 0 to num_classes - 1.

        Returns:
            Weights (c, *vector) with gradient, and int64 (n,) in 0 to c - 1.
        """
        return self.weight, labels

    def attach(self, optimizer: Optimizer) -> None:
        """Nothing to do: an optimiser knows what to do with a parameter."""


def initial_weights(num_classes: int, *vector: int) -> Tensor:
    """Directions spread evenly, of about unit length: normal with deviation 1/sqrt(d)."""
    if num_classes < 2:
        raise TrainingError(f"num_classes: expected at least 2, got {num_classes}")
    return torch.randn(num_classes, *vector).mul_(vector[-1] ** -0.5)
