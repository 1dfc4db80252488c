"""What a training consists of, put into plain values and taken from them again."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from facewise.errors import TrainingError
from facewise.training.processes import of_every_process, world
from facewise.training.randomness import random_states, restore_random_states

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from facewise.training.checkpoints import Checkpoint
    from facewise.training.losses import FaceLoss
    from facewise.training.optimisation import Ema


@dataclass(slots=True)
class Progress:
    """How far a run is, and what it found on the way.

    Attributes:
        step: steps that were made.
        best: the figure that decides, of the best evaluation, or None.
        best_step: when that was.
        evaluated_step: when the last evaluation was.
        without_better: evaluations since the best.
        stopped_early: they were more than the patience.
    """

    step: int = 0
    best: float | None = None
    best_step: int = 0
    evaluated_step: int = 0
    without_better: int = 0
    stopped_early: bool = False

    def to_mapping(self) -> dict[str, Any]:
        """As plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Parts:
    """The objects that change while it learns.

    Attributes:
        backbone: the network, without what makes it run in several processes.
        loss: with its own weights.
        optimizer: the one of PyTorch itself.
        schedule: of its rates.
        ema: moving average of the backbone, or None.
        scaler: of float16, or None.
        progress: how far it is.
    """

    backbone: nn.Module
    loss: FaceLoss
    optimizer: Optimizer
    schedule: Any
    ema: Ema | None = None
    scaler: Any = None
    progress: Progress = field(default_factory=Progress)

    def capture(self, sampler: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
        """Everything but the backbone. All processes have to call it together.

        Args:
            sampler: the state of the sampler after the last step.
            facts: what has to be the same when the run goes on.
        """
        return {
            "progress": self.progress.to_mapping(),
            "facts": dict(facts),
            "sampler": dict(sampler),
            "loss": self.loss.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "ema": None if self.ema is None else self.ema.state_dict(),
            "scaler": None if self.scaler is None else self.scaler.state_dict(),
            "random": of_every_process(random_states()),
        }

    def restore(self, checkpoint: Checkpoint, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """Go on where a checkpoint was made; the state of its sampler.

        Raises:
            TrainingError: the run was begun with other data, or the checkpoint is of another
                network or loss.
        """
        state = checkpoint.state
        for name, now in facts.items():
            if state["facts"].get(name) != now:
                raise TrainingError(
                    f"{name}: not what the run was begun with "
                    f"(checkpoint {checkpoint.path.name}); begin a new one in another folder"
                )
        try:
            self.backbone.load_state_dict(checkpoint.model)
            self.loss.load_state_dict(state["loss"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.schedule.load_state_dict(state["schedule"])
        except (RuntimeError, ValueError, KeyError) as error:
            detail = " ".join(str(error).split())[:300]
            raise TrainingError(f"{checkpoint.path}: of another network or loss ({detail})") from (
                error
            )
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        if self.scaler is not None and state["scaler"] is not None:
            self.scaler.load_state_dict(state["scaler"])
        self.progress = Progress(**state["progress"])
        rank, count = world()
        if len(state["random"]) == count:
            restore_random_states(state["random"][rank])
        else:
            warnings.warn(
                f"the run was begun with {len(state['random'])} processes and goes on with "
                f"{count}: it will not be the same to the last digit",
                stacklevel=2,
            )
        sampler: Mapping[str, Any] = state["sampler"]
        return sampler
