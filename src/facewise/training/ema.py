"""The moving average of weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from facewise.errors import TrainingError


class Ema:
    """An exponential moving average of a network's parameters, unbiased from the first step on.

    After t updates with the parameters w_1 … w_t it is

        sum_i d^(t-i) w_i / sum_i d^(t-i),

    so the random weights of the beginning have no part in it: the correction of Adam (Kingma and
    Ba 2014, https://arxiv.org/abs/1412.6980, section 3), here as a step of 1 - d(1 - d^(t-1)) /
    (1 - d^t) towards the new weights, which is 1 at first and falls to 1 - d. Buffers, the
    statistics of batch norms among them, are averages already or counters: they are copied.

    Averages are float32 (float64 for parameters in float64), on the devices of the parameters.

    Attributes:
        decay: d, in (0, 1).
        updates: how many there were.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        """Begin with the weights as they are.

        Args:
            module: the network, which `update` looks at; where it is and stays.
            decay: d; 0.999 looks back on about a thousand steps.

        Raises:
            TrainingError: a decay outside (0, 1).
        """
        if not 0 < decay < 1:
            raise TrainingError(f"ema: expected a decay in (0, 1), got {decay}")
        self.decay = decay
        self.updates = 0
        self._module = module
        self._average = {
            name: value.detach().to(torch.promote_types(value.dtype, torch.float32), copy=True)
            for name, value in module.named_parameters()
        }
        self._buffers = {name: value.clone() for name, value in module.named_buffers()}

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights of now into the average; call after each step of the optimiser."""
        self.updates += 1
        # 1 - d^t by way of logarithms: near 1, a power of d would lose the digits that matter.
        log = math.log(self.decay)
        before, now = (-math.expm1(n * log) for n in (self.updates - 1, self.updates))
        step = 1 - self.decay * before / now
        for name, parameter in self._module.named_parameters():
            average = self._average[name]
            average.lerp_(parameter.to(average), step)
        for name, buffer in self._module.named_buffers():
            self._buffers[name].copy_(buffer)

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        """Give another network of the same form the averages, and the buffers of the last update.

        Raises:
            TrainingError: it has another form.
        """
        targets = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        _require_same({**self._average, **self._buffers}, targets, "ema: the network")
        for name, target in targets.items():
            source = self._average[name] if name in self._average else self._buffers[name]
            target.copy_(source)

    def state_dict(self) -> dict[str, Any]:
        """Everything that changes, as tensors (not copied) and numbers."""
        return {
            "decay": self.decay,
            "updates": self.updates,
            "average": dict(self._average),
            "buffers": dict(self._buffers),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave.

        Raises:
            TrainingError: it is of another network or decay.
        """
        try:
            decay, updates = float(state["decay"]), int(state["updates"])
            parts = [(self._average, state["average"]), (self._buffers, state["buffers"])]
        except (KeyError, TypeError, ValueError):
            raise TrainingError("ema: the state is not that of a moving average") from None
        if decay != self.decay:
            raise TrainingError(f"ema: the state has the decay {decay}, expected {self.decay}")
        for own, loaded in parts:
            _require_same(own, loaded, "ema: the state")
        for own, loaded in parts:
            for name, value in own.items():
                value.copy_(loaded[name])
        self.updates = updates


def _require_same(own: Mapping[str, Tensor], other: Mapping[str, Tensor], what: str) -> None:
    for name in [*own, *other]:
        shapes = [tuple(each[name].shape) if name in each else "nothing" for each in (own, other)]
        if shapes[0] != shapes[1]:
            raise TrainingError(
                f"{what} is of another form: {name}: expected {shapes[0]}, got {shapes[1]}"
            )
