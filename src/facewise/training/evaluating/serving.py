"""A network that learns, as serving would run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facewise.embedding import Embedder
from facewise.runtime.networks import Candidate

if TYPE_CHECKING:
    import torch
    from torch import nn

    from facewise.zoo import ModelSpec


def embedder_of(network: nn.Module, spec: ModelSpec, device: torch.device) -> Embedder:
    """A network that learns, as serving would run it: in float32, with the flip of its spec.

    Args:
        network: in evaluation mode, on the device.
        spec: of it.
        device: where it runs.
    """
    return Embedder(
        spec,
        lambda x: network(x).float(),
        weight_hash="",
        device=device,
        candidate=Candidate("torch", "float32"),
        flip=spec.flip,
        batch_size=64,
    )
