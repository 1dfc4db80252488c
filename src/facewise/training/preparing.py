"""What changes while it learns, made ready: optimiser, schedule, the network of all processes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from facewise.training.depthwise import spare_depthwise
from facewise.training.known_options import known_options
from facewise.training.optimisation import Ema, build_optimizer, build_schedule
from facewise.training.processes import world
from facewise.training.shared_norms import share_norms
from facewise.training.state import Parts

if TYPE_CHECKING:
    from facewise.training.config import TrainConfig
    from facewise.training.losses import FaceLoss


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a step is made with.

    Attributes:
        parts: backbone, loss, optimiser, schedule and the rest of what a checkpoint holds.
        network: the backbone as all processes share it.
        optimizer: that of the parts, as accelerate wraps it.
    """

    parts: Parts
    network: nn.Module
    optimizer: Any


def prepare(
    config: TrainConfig,
    accelerator: Any,
    backbone: nn.Module,
    loss: FaceLoss,
    *,
    total: int,
    batches: int,
) -> Prepared:
    """Bring backbone and loss to the device, with what moves their weights.

    Args:
        config: of the training.
        accelerator: accelerate's `Accelerator`.
        backbone: with its first weights; what is frozen is frozen.
        loss: with its first weights.
        total: steps of the whole training.
        batches: of an epoch.

    Raises:
        TrainingError: an option of the optimiser or the schedule is unknown or unfit.
    """
    device: torch.device = accelerator.device
    # The order in which chips lie in memory; gradients then have that of their parameters.
    backbone = backbone.to(device).to(memory_format=torch.channels_last)
    loss = loss.to(device)
    if world()[1] > 1:
        share_norms(backbone)
    lr, head_lr = config.rates
    optimizer = build_optimizer(
        config.optimizer,
        backbone,
        loss,
        lr=lr,
        weight_decay=config.weight_decay,
        head_lr=head_lr,
        centers_lr=config.centers_lr,
        momentum=config.momentum,
    )
    schedule = known_options(
        "schedule_options",
        partial(
            build_schedule,
            optimizer,
            config.schedule,
            total_steps=total,
            warmup_steps=round(config.warmup_epochs * batches / config.accumulate),
        ),
        config.schedule_options,
    )
    loss.attach(optimizer)
    if device.type == "cpu" and config.precision == "bfloat16":
        spare_depthwise(backbone)
    if config.compile:
        backbone.compile()
    parts = Parts(
        backbone,
        loss,
        optimizer,
        schedule,
        ema=None if config.ema is None else Ema(backbone, config.ema),
        scaler=accelerator.scaler,
    )
    wrapped = accelerator.prepare_optimizer(optimizer)
    learns = any(parameter.requires_grad for parameter in backbone.parameters())
    # Without a parameter that learns there is no gradient to share, and DDP refuses.
    network = accelerator.prepare_model(backbone) if learns else backbone
    return Prepared(parts, network, wrapped)
