"""One step of the optimiser: forward, backward, clipping; a loss that is not finite is told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from facewise.embedding.embedder import normalised
from facewise.errors import TrainingError
from facewise.training.freezing import hold_frozen_norms
from facewise.training.optimisation import rates_of
from facewise.training.processes import gathered

if TYPE_CHECKING:
    from facewise.training.config import TrainConfig
    from facewise.training.data.index import FaceIndex
    from facewise.training.preparing import Prepared
    from facewise.zoo import ModelSpec

_NAMED = 8
"""Pictures of a batch that an error names."""

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Chips, labels, and the numbers of their pictures in the index."""


@dataclass(frozen=True, slots=True)
class Made:
    """A step that was made.

    Attributes:
        loss: the mean of its batches.
        rates: of the groups of parameters, by name, that it was made with.
        pictures: of all processes together.
    """

    loss: float
    rates: dict[str, float]
    pictures: int


class Stepper:
    """Makes steps.

    Args:
        config: of the training.
        accelerator: accelerate's `Accelerator`.
        prepared: what changes by a step.
        spec: what the backbone takes.
        index: of the pictures, which errors name.
    """

    def __init__(
        self,
        config: TrainConfig,
        accelerator: Any,
        prepared: Prepared,
        spec: ModelSpec,
        index: FaceIndex,
    ) -> None:
        self._largest = config.largest_gradient
        self._accelerator = accelerator
        self._parts = prepared.parts
        self._network = prepared.network
        self._optimizer = prepared.optimizer
        self._spec = spec
        self._index = index

    def set_learning(self) -> None:
        """Let norms and dropout behave as they do in training, except where they are frozen."""
        self._network.train()
        self._parts.loss.train()
        hold_frozen_norms(self._parts.backbone)

    def step(self, batches: Sequence[Batch]) -> Made:
        """Make one step of the optimiser from its batches.

        Raises:
            TrainingError: the loss is not finite; names the pictures of this process.
        """
        parts, accelerator = self._parts, self._accelerator
        rates = rates_of(parts.optimizer)
        losses: list[float] = []
        pictures = 0
        for chips, labels, numbers in batches:
            with accelerator.accumulate(self._network):
                loss, count = self._forward(chips, labels, numbers)
                accelerator.backward(loss)
                if accelerator.sync_gradients and self._largest is not None:
                    accelerator.clip_grad_norm_(self._clipped(), self._largest)
                self._optimizer.step()
                self._optimizer.zero_grad()
            losses.append(loss.item())
            pictures += count
        if not accelerator.optimizer_step_was_skipped:  # float16: a gradient was infinite
            parts.schedule.step()
            if parts.ema is not None:
                parts.ema.update()
        parts.progress.step += 1
        return Made(math.fsum(losses) / len(losses), rates, pictures)

    def _forward(
        self, chips: torch.Tensor, labels: torch.Tensor, numbers: torch.Tensor
    ) -> tuple[torch.Tensor, int]:
        """The loss of the global batch, and how many pictures it has."""
        device = self._accelerator.device
        inputs = normalised(chips.numpy(), self._spec, device)
        embeddings = self._network(inputs).float()
        embeddings, labels = gathered(embeddings, labels.to(device))
        loss: torch.Tensor = self._parts.loss(embeddings, labels)
        # A loss may leave out pictures whose embedding is not a number.
        if not bool(torch.isfinite(loss) & torch.isfinite(embeddings).all()):
            sources = [str(self._index.sources[i]) for i in numbers.tolist()]
            more = f" and {len(sources) - _NAMED} more" if len(sources) > _NAMED else ""
            raise TrainingError(
                f"step {self._parts.progress.step + 1}: the loss is {loss.item()} and of "
                f"{len(embeddings)} embeddings "
                f"{int((~torch.isfinite(embeddings)).any(dim=1).sum())} are not finite; "
                f"lower the learning rate, or set clip. Pictures: "
                f"{', '.join(sources[:_NAMED])}{more}"
            )
        return loss, len(labels)

    def _clipped(self) -> list[nn.Parameter]:
        """What is clipped together: not centers, whose steps are no gradients of the loss."""
        groups = self._parts.optimizer.param_groups
        return [p for group in groups if group["name"] != "centers" for p in group["params"]]
