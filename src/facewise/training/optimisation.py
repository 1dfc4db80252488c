"""Optimisers with the groups that face recognition wants, and schedules of their rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from facewise.errors import TrainingError
from facewise.training.ema import Ema
from facewise.training.losses import FaceLoss

__all__ = ["OPTIMIZERS", "SCHEDULES", "Ema", "build_optimizer", "build_schedule"]

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}
"""By the names `build_optimizer` knows."""

SCHEDULES = ("constant", "step", "cosine", "polynomial")

_CENTERS_LR = 0.5
"""Of SGD: alpha of Wen et al. 2016, section 4.1."""

_NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm)


def build_optimizer(
    name: str,
    backbone: nn.Module,
    loss: FaceLoss,
    *,
    lr: float,
    weight_decay: float,
    head_lr: float | None = None,
    centers_lr: float | None = None,
    momentum: float = 0.9,
    nesterov: bool = False,
) -> Optimizer:
    """An optimiser of everything that learns.

    Its groups are called `backbone`, `head` and `centers`, as what is in them; the first two come
    once with and once without weight decay. There is none for norms, biases and whatever else has
    one dimension or less (slopes of PReLU, scales): to shrink those does not make a network
    simpler. Centers have neither decay nor momentum: their gradient is already the step that Wen
    et al. 2016, eq. 4, make.

    Args:
        name: a key of `OPTIMIZERS`.
        backbone: its frozen parameters are left out.
        loss: its parameters, by `parameter_groups()`.
        lr: learning rate of the backbone.
        weight_decay: of `adamw` decoupled from the gradient, of the others added to it.
        head_lr: of the weights of classes; `lr` by default.
        centers_lr: of centers; by default 0.5 with SGD, as in the paper, and `lr` with the others,
            whose steps do not grow with the gradient.
        momentum: of `sgd` and `rmsprop`; the others have none.
        nesterov: of `sgd`: look ahead by the momentum.

    Raises:
        TrainingError: an argument is out of its range, or nothing learns.
    """
    if name not in OPTIMIZERS:
        raise TrainingError(f"optimizer: expected one of {', '.join(OPTIMIZERS)}, got {name!r}")
    if centers_lr is None:
        centers_lr = _CENTERS_LR if name == "sgd" else lr
    rates = {"backbone": lr, "head": lr if head_lr is None else head_lr, "centers": centers_lr}
    for key, rate in (("lr", lr), ("head_lr", rates["head"]), ("centers_lr", centers_lr)):
        if not 0 < rate < math.inf:
            raise TrainingError(f"{key}: expected a number above 0, got {rate}")
    if not 0 <= weight_decay < math.inf:
        raise TrainingError(f"weight_decay: expected at least 0, got {weight_decay}")
    if not 0 <= momentum < 1:
        raise TrainingError(f"momentum: expected a number in [0, 1), got {momentum}")
    if nesterov and (name != "sgd" or not momentum):
        raise TrainingError("nesterov: is a form of the momentum of sgd")
    options: dict[str, Any] = {}
    if name in ("sgd", "rmsprop"):
        options["momentum"] = momentum
    if name == "sgd":
        options["nesterov"] = nesterov
    without = dict.fromkeys(options, 0)  # of centers
    groups: list[dict[str, Any]] = []
    own = loss.parameter_groups()
    head = {id(parameter) for parameter in own.get("head", [])}
    for key, module, among in (("backbone", backbone, None), ("head", loss, head)):
        for decays, parameters in zip((True, False), _by_decay(module, among), strict=True):
            decay = weight_decay if decays else 0.0
            groups.append({"name": key, "params": parameters, "weight_decay": decay})
    centers = [parameter for parameter in own.get("centers", []) if parameter.requires_grad]
    groups.append({"name": "centers", "params": centers, "weight_decay": 0.0, **without})
    groups = [{**group, "lr": rates[group["name"]]} for group in groups if group["params"]]
    if not groups:
        raise TrainingError("freeze: nothing is left that learns")
    return OPTIMIZERS[name](groups, lr=lr, **options)


def _by_decay(
    module: nn.Module, among: set[int] | None
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The parameters that learn, those that decay and those that do not, each once."""
    decaying: dict[int, nn.Parameter] = {}
    others: dict[int, nn.Parameter] = {}
    for owner in module.modules():
        for name, parameter in owner.named_parameters(recurse=False):
            if not parameter.requires_grad or (among is not None and id(parameter) not in among):
                continue
            plain = parameter.ndim > 1 and name != "bias" and not isinstance(owner, _NORMS)
            (decaying if plain else others).setdefault(id(parameter), parameter)
    return list(decaying.values()), list(others.values())


def build_schedule(
    optimizer: Optimizer,
    kind: Literal["constant", "step", "cosine", "polynomial"],
    *,
    total_steps: int,
    warmup_steps: int = 0,
    milestones: Sequence[float] | None = None,
    gamma: float | None = None,
    power: float | None = None,
    end: float | None = None,
) -> LambdaLR:
    """A schedule of all learning rates; call its `step` after each step of the optimiser.

    Each rate is its own, times a factor. For step s of T (from 0) with W steps of warm-up it is
    (s + 1) / W while s < W: it rises in a line, and the last step of the warm-up has the whole
    rate. After that, with t = (s - W) / (T - W):

    - constant: 1.
    - step: gamma to the power of how many milestones are behind: m <= s.
    - cosine: end + (1 - end) (1 + cos(pi t)) / 2 (Loshchilov and Hutter 2017,
      https://arxiv.org/abs/1608.03983, eq. 5, one period).
    - polynomial: end + (1 - end) (1 - t)^power.

    The factor depends on nothing but s, so a run that is resumed has the same rates.

    Args:
        optimizer: of `build_optimizer`.
        kind: which.
        total_steps: T, at least 1; beyond, the factor is `end`.
        warmup_steps: W, less than T.
        milestones: of step: rising; whole numbers are steps, shares in (0, 1) are of T; by default
            half and three quarters.
        gamma: of step, in (0, 1]; 0.1 by default.
        power: of polynomial, above 0; 2 by default.
        end: of cosine and polynomial, in [0, 1); 0 by default.

    Raises:
        TrainingError: a value is out of its range, or of another kind of schedule.
    """
    if kind not in SCHEDULES:
        raise TrainingError(f"schedule: expected one of {', '.join(SCHEDULES)}, got {kind!r}")
    if total_steps < 1:
        raise TrainingError(f"total_steps: expected at least 1, got {total_steps}")
    if not 0 <= warmup_steps < total_steps:
        raise TrainingError(
            f"warm-up: expected fewer steps than the {total_steps} of the run, got {warmup_steps}"
        )
    given = {"milestones": milestones, "gamma": gamma, "power": power, "end": end}
    takes = {"step": {"milestones", "gamma"}, "cosine": {"end"}, "polynomial": {"power", "end"}}
    for key, value in given.items():
        if value is not None and key not in takes.get(kind, ()):
            raise TrainingError(f"schedule: {kind} has no {key}")
    if kind == "step":
        after = _steps(total_steps, milestones, 0.1 if gamma is None else gamma)
    else:
        fall = _fall(kind, 2.0 if power is None else power, 0.0 if end is None else end)
        length = total_steps - warmup_steps

        def after(step: int) -> float:
            return fall(min(max(step - warmup_steps, 0) / length, 1.0))

    def factor(step: int) -> float:
        return (step + 1) / warmup_steps if step < warmup_steps else after(step)

    return LambdaLR(optimizer, factor)


def _fall(kind: str, power: float, end: float) -> Callable[[float], float]:
    """The factor by the share of the way that is done, in [0, 1]."""
    if not 0 <= end < 1:
        raise TrainingError(f"end: expected a share in [0, 1) of the rate, got {end}")
    if not 0 < power < math.inf:
        raise TrainingError(f"power: expected a number above 0, got {power}")
    if kind == "cosine":
        return lambda t: end + (1 - end) * (1 + math.cos(math.pi * t)) / 2
    if kind == "polynomial":
        return lambda t: end + (1 - end) * (1 - t) ** power
    return lambda _: 1.0


def _steps(
    total_steps: int, milestones: Sequence[float] | None, gamma: float
) -> Callable[[int], float]:
    if not 0 < gamma <= 1:
        raise TrainingError(f"gamma: expected a factor in (0, 1], got {gamma}")
    given = (0.5, 0.75) if milestones is None else milestones
    try:
        marks = [float(mark) for mark in given]
    except (TypeError, ValueError):
        raise TrainingError(f"milestones: expected numbers, got {given!r}") from None
    if not all(0 < mark < 1 or (mark >= 1 and mark.is_integer()) for mark in marks):
        raise TrainingError(
            f"milestones: expected whole steps, or shares in (0, 1), got {list(given)}"
        )
    at = [round(mark * total_steps) if mark < 1 else int(mark) for mark in marks]
    if sorted(set(at)) != at:
        raise TrainingError(f"milestones: expected rising steps, got {at}")
    return lambda step: gamma ** sum(step >= mark for mark in at)


def rates_of(optimizer: torch.optim.Optimizer) -> dict[str, float]:
    """Learning rates by what learns with them; groups of one name share theirs."""
    rates: dict[str, float] = {}
    for number, group in enumerate(optimizer.param_groups):
        rates.setdefault(str(group.get("name", number)), float(group["lr"]))
    return rates
