"""Let parts of a network not learn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from facewise.errors import TrainingError
from facewise.training.heads import head_parameters

HEAD_ONLY = "head-only"
"""Says that everything is to be frozen but what makes the vector."""


def freeze(module: nn.Module, what: str | float | Sequence[str]) -> int:
    """Let a part of a network not learn; its batch norms keep their statistics too.

    Norms are in evaluation mode from here on, and `.train()` would undo that: call
    `hold_frozen_norms` after it, each time.

    Args:
        module: of `build_backbone`.
        what: which part:

            - "head-only": everything but the layers that make the vector (`head_parameters`).
            - a share, in (0, 1]: so many of the layers, from the input on, rounded to whole ones;
              -1 to 0: from the output on. A layer is a module with parameters of its own, and they
              stand in the order of `named_parameters()`; in facewise's networks blocks are in the
              order in which they are used.
            - patterns, as of a shell: of the name of a parameter (`*.bias`), or of a module that
              holds it (`conv1`, `body.1?`), as `named_parameters()` and `named_modules()` have
              them.

    Returns:
        How many parameters (numbers, not tensors) learnt before and do not now.

    Raises:
        TrainingError: a share out of range, or a pattern that fits nothing.

    Example:
        >>> network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
        >>> freeze(network, 0.66)
        12
        >>> freeze(network, ["2.bias"])
        1
    """
    names = [name for name, _ in module.named_parameters()]
    if isinstance(what, (int, float)):
        chosen = _share_of_layers(names, what)
    elif what == HEAD_ONLY:
        chosen = set(names) - head_parameters(module)
    else:
        chosen = _fitting(names, [what] if isinstance(what, str) else what)
    frozen = 0
    for name, parameter in module.named_parameters():
        if name in chosen and parameter.requires_grad:
            parameter.requires_grad_(False)
            frozen += parameter.numel()
    hold_frozen_norms(module)
    return frozen


def hold_frozen_norms(module: nn.Module) -> int:
    """Put the frozen batch norms of a network into evaluation mode; call after `.train()`.

    A norm is frozen when it has parameters and none of them learns. Its running mean and variance
    belong to them: statistics of other pictures would change what the layer does.

    Returns:
        How many there are.
    """
    held = 0
    for each in module.modules():
        if isinstance(each, _BatchNorm):
            own = list(each.parameters(recurse=False))
            if own and not any(parameter.requires_grad for parameter in own):
                each.eval()
                held += 1
    return held


def parsed_freeze(words: Sequence[str]) -> str | float | list[str]:
    """What `freeze` takes: a share, "head-only", or names of layers."""
    if len(words) == 1:
        try:
            return float(words[0])
        except ValueError:
            return words[0] if words[0] == HEAD_ONLY else list(words)
    return list(words)


def _share_of_layers(names: Sequence[str], share: float) -> set[str]:
    if not 0 < abs(share) <= 1:
        raise TrainingError(f"freeze: expected a share in [-1, 1] other than 0, got {share}")
    layers = list(dict.fromkeys(name.rpartition(".")[0] for name in names))
    count = math.floor(abs(share) * len(layers) + 0.5)
    frozen = layers[:count] if share > 0 else layers[len(layers) - count :]
    return {name for name in names if name.rpartition(".")[0] in frozen}


def _fitting(names: Sequence[str], patterns: Sequence[str]) -> set[str]:
    """The parameters of which a pattern fits the name, or that of a module around them."""
    chosen = set()
    for pattern in patterns:
        fits = {name for name in names if any(fnmatchcase(part, pattern) for part in _parts(name))}
        if not fits:
            first = ", ".join(dict.fromkeys(name.partition(".")[0] for name in names))
            raise TrainingError(
                f"freeze: {pattern!r} fits no layer; expected {HEAD_ONLY!r}, a share, or a name "
                f"below {first}"
            )
        chosen |= fits
    return chosen


def _parts(name: str) -> list[str]:
    """`a.b.weight` as `a`, `a.b`, `a.b.weight`."""
    words = name.split(".")
    return [".".join(words[: i + 1]) for i in range(len(words))]
