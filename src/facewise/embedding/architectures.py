"""The networks facewise can build, by the name that specs use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch

from facewise.embedding.dlib_resnet29 import DlibResNet29
from facewise.embedding.inception_resnet_v1 import InceptionResnetV1
from facewise.embedding.iresnet import IResNet
from facewise.embedding.mobilefacenet import MobileFaceNet
from facewise.errors import ModelError
from facewise.runtime.weights import read_tensors

ARCHITECTURES: Mapping[str, Callable[[], torch.nn.Module]] = {
    "dlib_resnet29": DlibResNet29,
    "inception_resnet_v1": InceptionResnetV1,
    "mobilefacenet": MobileFaceNet,
    **{f"ir_{depth}": partial(IResNet, depth) for depth in (50, 101, 152)},
    **{f"ir_se_{depth}": partial(IResNet, depth, se=True) for depth in (50, 101, 152)},
}

_CLASSIFIERS = ("logits.",)
"""Parameters that some files hold beside the embedder's: the head it was trained with."""


def build_network(architecture: str, weights: Path) -> torch.nn.Module:
    """A network with its weights, in evaluation mode and float32.

    Args:
        architecture: a key of `ARCHITECTURES`.
        weights: a `.safetensors` file, or a PyTorch file holding a state_dict and nothing that
            would have to be executed to read it.

    Raises:
        ModelError: the architecture is unknown, or the file is not a state_dict of it.
    """
    if architecture not in ARCHITECTURES:
        raise ModelError(
            f"this version cannot run the architecture {architecture!r}; "
            f"it has {', '.join(ARCHITECTURES)}"
        )
    state = read_tensors(weights)
    network = ARCHITECTURES[architecture]()
    wanted = network.state_dict().keys()
    kept = {k: v for k, v in state.items() if k in wanted or not k.startswith(_CLASSIFIERS)}
    try:
        network.load_state_dict(kept)
    except RuntimeError as error:
        detail = " ".join(str(error).split())
        raise ModelError(f"{weights}: not weights of {architecture} ({detail[:300]})") from error
    return network.eval().requires_grad_(False)
