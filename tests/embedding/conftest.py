"""Weights and pictures that are the same on every machine, without a random generator."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn


@pytest.fixture
def noise() -> Callable[..., Tensor]:
    """A float32 tensor of a shape, of mean 0 and variance 1, that depends on the seed only."""
    return _noise


@pytest.fixture
def filled() -> Callable[[nn.Module], nn.Module]:
    """The network in eval mode with weights that depend on names and shapes only.

    Every weight differs from its neighbours and batch norms from the identity, so that swapped
    layers, a missing batch norm or another eps change the output.
    """

    @torch.no_grad()
    def fill(network: nn.Module) -> nn.Module:
        for seed, (name, tensor) in enumerate(sorted(network.state_dict().items())):
            if not tensor.is_floating_point():
                continue
            values = _noise(tuple(tensor.shape), seed)
            if tensor.ndim > 1:
                values *= (1 / tensor[0].numel()) ** 0.5
            elif name.endswith(("running_var", "weight")):
                values = 1 + 0.3 * values
            else:
                values *= 0.3
            tensor.copy_(values)
        return network.eval()

    return fill


def _noise(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    steps = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    uniform = (torch.sin(steps * 12.9898 + seed * 78.233) * 43758.5453).remainder(1)
    return ((uniform - 0.5) * 12**0.5).reshape(shape).float()
