"""What every loss is: embeddings and labels in, one number with a gradient out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from facewise.errors import TrainingError

if TYPE_CHECKING:
    from torch.optim import Optimizer


class FaceLoss(nn.Module):
    """Base of all losses.

    A loss sees the whole global batch. With several processes, gather embeddings (with their
    gradient) and labels before the call: triplets, centers and running statistics are then those of
    one process, and so are the parameters of the loss, without a wrapper around it.

    Attributes:
        embedding_size: length d of the embeddings.
        needs_pairs: whether a batch must hold several pictures of a person (P x K sampling).
        can_begin_with_people: whether `begin_with` does anything.
    """

    needs_pairs = False
    can_begin_with_people = False

    def __init__(self, embedding_size: int) -> None:
        super().__init__()
        if embedding_size < 1:
            raise TrainingError(f"embedding_size: expected at least 1, got {embedding_size}")
        self.embedding_size = embedding_size

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch.

        Args:
            embeddings: floating (n, d) as the backbone gives them, of any length.
            labels: int64 (n,).

        Returns:
            A scalar with a gradient: float32, also under autocast (float64 for float64 input).

        Raises:
            TrainingError: shapes, types or labels that do not fit.
        """
        raise NotImplementedError

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Own parameters by the rate they learn with: "head" and "centers"."""
        parameters = list(self.parameters())
        return {"head": parameters} if parameters else {}

    def begin_with(self, directions: Tensor) -> None:
        """Begin with known people instead of chance (Qi 2018, "imprinted weights").

        Does nothing where the loss has no such weights.

        Args:
            directions: float32 (num_classes, d), of unit length: the mean vector of each person;
                NaN where it is not known.
        """

    def attach(self, optimizer: Optimizer) -> None:
        """Meet the optimiser that holds the parameters of this loss; call once, before training.

        Only sampled class weights have something to do here: they take part in its steps.
        """


def checked_batch(
    embeddings: Tensor, labels: Tensor, embedding_size: int, num_classes: int | None = None
) -> Tensor:
    """The embeddings in float32 (float64 stays), after a check that batch and loss fit.

    Raises:
        TrainingError: they do not; names the argument.
    """
    if embeddings.ndim != 2 or embeddings.shape[1] != embedding_size or not len(embeddings):
        raise TrainingError(
            f"embeddings: expected shape (n, {embedding_size}) with n > 0, "
            f"got {tuple(embeddings.shape)}"
        )
    if labels.dtype != torch.int64 or labels.shape != embeddings.shape[:1]:
        raise TrainingError(
            f"labels: expected int64 ({len(embeddings)},), got {labels.dtype} {tuple(labels.shape)}"
        )
    if num_classes is not None:
        low, high = (int(limit) for limit in labels.aminmax())
        if low < 0 or high >= num_classes:
            raise TrainingError(
                f"labels: expected 0 to {num_classes - 1}, got {low if low < 0 else high}"
            )
    return embeddings.to(torch.promote_types(embeddings.dtype, torch.float32))


def checked_range(name: str, value: float, low: float, high: float = float("inf")) -> float:
    """A number that is an option, when it lies in [low, high].

    Raises:
        TrainingError: it does not, or is not a number.
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        limits = f"at least {low:g}" if high == float("inf") else f"{low:g} to {high:g}"
        raise TrainingError(f"{name}: expected {limits}, got {value!r}")
    return value


def full_precision(tensor: Tensor) -> torch.autocast:
    """A context without autocast: a margin of 0.5 rad is lost in the 8 bits of bfloat16."""
    return torch.autocast(tensor.device.type, enabled=False)
