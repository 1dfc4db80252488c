"""The networks facewise can build, by the name that specs use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from facewise.embedding.dlib_resnet29 import DlibResNet29
from facewise.embedding.heads import Head
from facewise.embedding.inception_resnet_v1 import InceptionResnetV1
from facewise.embedding.inception_resnet_v2 import InceptionResnetV2
from facewise.embedding.iresnet import IResNet
from facewise.embedding.mobilefacenet import MobileFaceNet
from facewise.embedding.mobilenet_v2 import MobileNetV2
from facewise.embedding.resnet import ResNet
from facewise.embedding.timm_network import PREFIX, TimmNetwork, require_timm_model
from facewise.errors import ModelError
from facewise.runtime.weights import read_tensors

_RESNETS = {f"resnet{depth}": partial(ResNet, depth) for depth in (18, 34, 50, 101, 152)}
_IRESNETS = {
    **{f"ir_{depth}": partial(IResNet, depth) for depth in (50, 101, 152)},
    **{f"ir_se_{depth}": partial(IResNet, depth, se=True) for depth in (50, 101, 152)},
}

ARCHITECTURES: Mapping[str, Callable[..., torch.nn.Module]] = {
    "dlib_resnet29": DlibResNet29,
    "inception_resnet_v1": InceptionResnetV1,
    "inception_resnet_v2": InceptionResnetV2,
    "mobilefacenet": MobileFaceNet,
    "mobilenet_v2": MobileNetV2,
    **_IRESNETS,
    **_RESNETS,
}
"""Each builds its network with random weights, and needs no arguments.

Besides these there is every network of timm, as `timm:NAME` (`facewise.embedding.timm_network`).
"""

_HEADS = {
    "inception_resnet_v2": "last_linear",
    "mobilenet_v2": "classifier",
    **dict.fromkeys(_RESNETS, "fc"),
}
"""The attribute that is the head, of networks whose weights come with heads of several forms."""

_CLASSIFIERS = ("logits.",)
"""Parameters that some files hold beside the embedder's: the head it was trained with."""

_IR_COLUMNS_224 = 512 * 14 * 14  # of the last layer of an IResNet for faces of 224×224
_SHOWN = 4  # names in an error


def build_network(
    architecture: str, weights: Path, input_size: int | None = None
) -> torch.nn.Module:
    """A network with its weights, in evaluation mode and float32.

    Args:
        architecture: a key of `ARCHITECTURES`, or `timm:NAME`.
        weights: a `.safetensors` file, or a PyTorch file holding a state_dict and nothing that
            would have to be executed to read it.
        input_size: side of the faces in pixels, which some networks of timm are made for.

    Raises:
        ModelError: the architecture is unknown, or the file is not a state_dict of it.
        ExtraMissingError: the architecture needs timm, which is not installed.
    """
    require_architecture(architecture)
    return fitted_network(architecture, read_tensors(weights), str(weights), input_size)


def fitted_network(
    architecture: str,
    state: Mapping[str, torch.Tensor],
    source: str,
    input_size: int | None = None,
) -> torch.nn.Module:
    """A network with the weights of a state_dict, in evaluation mode and float32.

    Where weights come in several forms, the tensors decide: the head and length of the embedding,
    the input size of an IResNet.

    Args:
        architecture: a key of `ARCHITECTURES`, or `timm:NAME`.
        state: tensors by name, of any floating-point type.
        source: where they come from, for errors.
        input_size: side of the faces in pixels, which some networks of timm are made for; None is
            the size timm states.

    Raises:
        ModelError: the architecture is unknown, or the tensors are not its own; names those that
            are missing, left over, or of another shape.
        ExtraMissingError: the architecture needs timm, which is not installed.
    """
    require_architecture(architecture)
    try:
        network = _network_for(architecture, state, input_size)
    except ModelError as error:
        raise ModelError(f"{source}: not weights of {architecture}: {error}") from None
    wanted = network.state_dict()
    kept = {k: v for k, v in state.items() if k in wanted or not k.startswith(_CLASSIFIERS)}
    problems = _problems(wanted, kept)
    if problems:
        raise ModelError(f"{source}: not weights of {architecture}: {'; '.join(problems)}")
    # Counters of batches, which inference does not use, are missing in files of old versions.
    network.load_state_dict(kept, strict=False)
    return network.eval().requires_grad_(False)


def require_architecture(architecture: str) -> None:
    """See to it that a network can be built.

    Raises:
        ModelError: this version, or timm, does not know the architecture.
        ExtraMissingError: it needs timm, which is not installed.
    """
    if architecture.startswith(PREFIX):
        require_timm_model(architecture.removeprefix(PREFIX))
    elif architecture not in ARCHITECTURES:
        raise ModelError(
            f"this version cannot run the architecture {architecture!r}; "
            f"it has {', '.join(ARCHITECTURES)}, and {PREFIX}NAME"
        )


def _network_for(
    architecture: str, state: Mapping[str, torch.Tensor], input_size: int | None
) -> torch.nn.Module:
    if architecture.startswith(PREFIX):
        return TimmNetwork.for_weights(architecture.removeprefix(PREFIX), state, input_size)
    return ARCHITECTURES[architecture](**_options(architecture, state))


def _options(architecture: str, state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """The arguments of a network's class for which the tensors are weights."""
    if architecture in _HEADS:
        return {"head": Head.found_in(state, _HEADS[architecture])}
    if architecture == "inception_resnet_v1":
        last = state.get("last_linear.weight")
        if last is not None and last.ndim == 2 and len(last):
            return {"embedding_size": len(last)}
    if architecture in _IRESNETS:
        last = state.get("output_layer.3.weight")
        if last is not None and last.shape[-1:] == (_IR_COLUMNS_224,):
            return {"input_size": 224}
    return {}


def _problems(wanted: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> list[str]:
    missing = [k for k in wanted if k not in found and not k.endswith(".num_batches_tracked")]
    unknown = [key for key in found if key not in wanted]
    others = [
        f"{key}: expected {tuple(value.shape)}, got {tuple(found[key].shape)}"
        for key, value in wanted.items()
        if key in found and found[key].shape != value.shape
    ]
    no_numbers = [
        f"{key}: {found[key].dtype}"
        for key, value in wanted.items()
        if key in found and value.is_floating_point() and not found[key].is_floating_point()
    ]
    return [
        f"{len(names)} of {len(total)} tensors {what} ({_some(names)})"
        for names, total, what in (
            (missing, wanted, "missing"),
            (unknown, found, "not expected"),
            (others, wanted, "of another shape"),
            (no_numbers, wanted, "not floating point"),
        )
        if names
    ]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
