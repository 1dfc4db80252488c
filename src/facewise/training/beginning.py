"""How a run begins: with what it computes, alone in its folder, by its own configuration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from facewise.errors import DeviceError, TrainingError
from facewise.training.backbones import backbone_name
from facewise.training.checkpoints import Checkpoints
from facewise.training.config import CONFIG, TrainConfig, continued, load_config
from facewise.training.extra import needed

CHECKPOINTS = "checkpoints"
"""The folder of them in that of the run."""

_PRECISIONS = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}
"""The words of accelerate."""

_PATIENCE = timedelta(hours=6)


def the_accelerator(config: TrainConfig) -> Any:
    """The `Accelerator` for a configuration.

    Raises:
        DeviceError: this machine has not what was asked for.
    """
    needed("accelerate", "training")
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState
    from accelerate.utils import InitProcessGroupKwargs

    if config.device == "cuda" and not torch.cuda.is_available():
        raise DeviceError("device 'cuda': not available on this machine")
    gpu = torch.cuda.is_available() or torch.backends.mps.is_available()
    on_cpu = config.device == "cpu" or not gpu
    if on_cpu and config.precision == "float16":
        raise DeviceError("precision float16: needs a GPU; bfloat16 runs on the CPU too")
    # Its settings belong to the process; an earlier training there may have had others.
    AcceleratorState._reset_state(reset_partial_state=True)
    # The others wait while the first process measures.
    patient = InitProcessGroupKwargs(timeout=_PATIENCE)
    return Accelerator(
        cpu=on_cpu,
        mixed_precision=_PRECISIONS[config.precision],
        gradient_accumulation_steps=config.accumulate,
        kwargs_handlers=[patient],
    )


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Keep other trainings out of a folder; the lock of a process that was killed is free."""
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise TrainingError(f"{folder}: another training runs there") from None
    try:
        yield
    finally:
        lock.release()


def decided(config: TrainConfig) -> TrainConfig:
    """The configuration with everything written down that follows from the rest.

    So that a run goes on as it was begun, also where a later version has other defaults.

    Raises:
        ModelError: there is no such pretrained model.
    """
    lr, head_lr = config.rates
    return replace(
        config,
        backbone=backbone_name(config.backbone, config.pretrained),
        loss=config.loss_name,
        lr=lr,
        head_lr=head_lr,
        clip=config.largest_gradient or 0.0,
    )


def begun(config: TrainConfig, resume: bool) -> TrainConfig:
    """The configuration, decided, which has to be that of the run that goes on.

    Raises:
        TrainingError: it differs, there is a run and none is to go on, or a run whose checkpoints
            are gone.
    """
    known = config.out / CONFIG
    checkpoints = bool(Checkpoints(config.out / CHECKPOINTS).steps())
    if checkpoints and not resume:
        raise TrainingError(
            f"{config.out}: holds a run; resume it (--resume), or choose another folder"
        )
    if (config.out / "model.safetensors").exists() and not checkpoints:
        raise TrainingError(
            f"{config.out}: holds a model and no checkpoints to go on from; choose another folder "
            "(--pretrained takes the weights of this one)"
        )
    if resume and known.is_file():
        return continued(decided(load_config(known)), decided(config))
    return decided(config)
