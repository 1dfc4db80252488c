"""Backbones: a network that learns, with the spec that says what it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from facewise import zoo
from facewise.alignment import CropPolicy, FivePointCrop, resized
from facewise.embedding.architectures import ARCHITECTURES, fitted_network, require_architecture
from facewise.embedding.heads import Head
from facewise.embedding.inception_resnet_v1 import InceptionResnetV1
from facewise.embedding.timm_network import PREFIX, TimmNetwork, timm_trunk
from facewise.errors import ModelError, TrainingError
from facewise.runtime.weights import read_tensors
from facewise.zoo import ModelSpec, Normalisation, Weights

IMAGENET = "imagenet"
"""Says that timm's own weights are meant."""

_TAG = "new"
_SYMMETRIC = Normalisation(std=(127.5, 127.5, 127.5))
_IRESNET = "ir_50.ms1m_arcface"  # stands for its relatives, of which the zoo has none
_HEADED = ("resnet", "inception_resnet_v2", "mobilenet_v2")
"""Beginnings of our architectures whose head may have any length."""


@dataclass(frozen=True, slots=True)
class _Start:
    """Weights to begin with: the tensors, where they come from, and the spec they belong to."""

    state: Mapping[str, torch.Tensor]
    source: str
    spec: ModelSpec | None = None


def build_backbone(
    name: str,
    *,
    embedding_size: int | None = None,
    pretrained: str | bool | Path | None = None,
    input_size: int | None = None,
    dropout: float = 0.0,
    crop: CropPolicy | None = None,
    normalisation: Normalisation | None = None,
) -> tuple[nn.Module, ModelSpec]:
    """A network that is ready to learn.

    What is not given is that of the pretrained model, if there is one; else that of the zoo's model
    with this architecture; else 112×112 pixels on ArcFace's template and `(pixel - 127.5) / 127.5`.

    Args:
        name: an architecture of facewise (`mobilefacenet`, `ir_50`, …) or `timm:NAME`, a network of
            timm with the head of `TimmNetwork`.
        embedding_size: length of the vectors; the networks of faces have one length only, the
            others 512 by default.
        pretrained: the weights to begin with:

            - None or False: random ones.
            - True or "imagenet": those timm has of its networks, which timm downloads.
            - a model of the zoo (`mobilefacenet.ms1m`), downloaded if need be, or `ID=FILE` with
              its weights in a file of one's own.
            - the folder of a run, or the spec file of a model.
            - a weight file (`.safetensors`, `.pt`, `.pth`) of this architecture; for `timm:NAME`
              also a file of timm's own, whose classifier is left out.
        input_size: side of the chips in pixels.
        dropout: share of the features zeroed before the head of a `timm:NAME`, in [0, 1].
        crop: how chips are cut, of `input_size`.
        normalisation: from chip to input.

    Returns:
        The network in training mode, float32, on the CPU. It gives embeddings (n, d) that are not
        normalised, whatever it gives as a model. And its spec, which says nothing of accuracy and
        has no thresholds: they were those of other weights.

    Raises:
        TrainingError: an argument does not fit the architecture, or the weights of timm cannot be
            had; says what to do.
        ModelError: there is no such architecture or model, or weights are damaged or of another
            network; lists what did not fit.
        DownloadError: weights of the zoo are not here and could not be fetched.
        ExtraMissingError: timm is not installed.
    """
    require_architecture(name)
    if not 0 <= dropout <= 1 or (dropout and not name.startswith(PREFIX)):
        raise TrainingError(
            f"dropout: expected a share in [0, 1] for {PREFIX}NAME, and none else, got {dropout}"
        )
    imagenet = pretrained is True or pretrained == IMAGENET
    if imagenet and not name.startswith(PREFIX):
        raise TrainingError(
            f"pretrained: there are no weights of ImageNet for {name}; give a model of the zoo, "
            "a file or a run"
        )
    start = None
    if pretrained and not imagenet:
        start = _start(name, pretrained)
    origin = None if start is None else start.spec
    spec = _spec(name, origin, input_size, crop, normalisation)
    if start is not None:
        spec = replace(spec, notes=f"Training began with {start.source}.")
    network = _network(name, spec.input_size or 0, embedding_size, start, imagenet, dropout)
    size = _embedding_size(network, name, spec.input_size or 0)
    if embedding_size not in (None, size):
        what = start.source if start is not None else name
        raise TrainingError(
            f"embedding_size: {what} gives vectors of {size} numbers, not {embedding_size}; "
            f"leave it out, or take {PREFIX}NAME, whose head can have any length"
        )
    network.requires_grad_(True).train()
    return network, replace(spec, embedding_size=size)


def backbone_name(name: str | None, pretrained: str | bool | Path | None) -> str:
    """The backbone where it may not have been named.

    Args:
        name: of `build_backbone`, or None.
        pretrained: as `build_backbone` takes it.

    Returns:
        The name; else the architecture of the pretrained model, if it is one of the zoo, a run or a
        spec; else `mobilefacenet`.

    Raises:
        ModelError: there is no such model.
    """
    if name is not None:
        return name
    if not pretrained or pretrained is True or pretrained == IMAGENET or _weight_file(pretrained):
        return "mobilefacenet"
    return zoo.find_spec(zoo.model_and_weights(str(pretrained))[0]).architecture


def backbone_spec(model: str, *, input_size: int | None = None) -> ModelSpec:
    """What a backbone will be shown, without building it: chips can be cut before it is there.

    Args:
        model: an architecture, as `build_backbone` takes it; or a model, as it takes it as
            `pretrained`: an id of the zoo, a folder or a spec file.
        input_size: side of the chips in pixels; by default the architecture's or model's own.

    Returns:
        A spec with the crop, input size and normalisation of `build_backbone`'s; of an architecture
        it does not say the length of the vectors.

    Raises:
        ModelError: there is no such architecture or model.
        ExtraMissingError: timm is not installed.
    """
    if model in ARCHITECTURES or model.startswith(PREFIX):
        require_architecture(model)
        return _spec(model, None, input_size)
    origin = zoo.find_spec(zoo.model_and_weights(model)[0])
    if origin.task != "embed":
        raise ModelError(f"{origin.id} is a detector, not an embedder")
    spec = _spec(origin.architecture, origin, input_size)
    return replace(spec, id=origin.id, embedding_size=origin.embedding_size)


def _start(name: str, pretrained: str | bool | Path) -> _Start:
    """The weights that `pretrained` names.

    Raises:
        ModelError: there are none, or they cannot be read.
        TrainingError: they are of another architecture.
    """
    if file := _weight_file(pretrained):
        return _Start(read_tensors(file), str(file))
    model, weights_file = zoo.model_and_weights(str(pretrained))
    spec = zoo.find_spec(model)
    if spec.format != "torch":
        raise TrainingError(f"pretrained: {spec.id} is an {spec.format} graph, which cannot learn")
    if spec.architecture != name:
        raise TrainingError(
            f"pretrained: {spec.id} is of the architecture {spec.architecture}, "
            f"and the backbone of {name}"
        )
    weights = zoo.weights_path(spec, weights_file)
    return _Start(read_tensors(weights), str(weights), spec)


def _weight_file(pretrained: str | bool | Path) -> Path | None:
    """The file, where weights are given as one without a model."""
    path = Path(str(pretrained)).expanduser()
    named = path.suffix in (".safetensors", ".pt", ".pth")
    return path if named and (path.is_file() or "=" not in str(pretrained)) else None


def _spec(
    name: str,
    origin: ModelSpec | None,
    input_size: int | None,
    crop: CropPolicy | None = None,
    normalisation: Normalisation | None = None,
) -> ModelSpec:
    """The spec but for the length of vectors; what is not given is that of `origin`."""
    model = origin or _relative(name)
    known = FivePointCrop() if model is None or model.crop is None else model.crop
    size = input_size or (known if crop is None else crop).size
    if crop is None:
        crop = resized(known, size)
    if crop.size != size:
        raise TrainingError(f"crop: gives chips of {crop.size} pixels; input_size is {size}")
    if normalisation is None:
        normalisation = _SYMMETRIC if model is None else model.normalisation
    licence, training_set = "not stated", "not stated"
    if origin is not None:
        licence = f"of the weights it began with: {origin.weights.licence}"
        training_set = f"not stated; before, {origin.weights.training_set}"
    return ModelSpec(
        id=f"{name.replace(':', '_')}.{_TAG}",
        task="embed",
        architecture=name,
        weights=Weights("model.safetensors", licence, training_set),
        input_size=size,
        crop=crop,
        normalisation=normalisation,
        flip=model is not None and model.flip,
    )


def _relative(name: str) -> ModelSpec | None:
    """The model of the zoo that says how an architecture sees faces."""
    if name.startswith("ir_"):
        return zoo.get_spec(_IRESNET)
    return next((spec for spec in zoo.list_specs("embed") if spec.architecture == name), None)


def _network(
    name: str,
    input_size: int,
    embedding_size: int | None,
    start: _Start | None,
    imagenet: bool,
    dropout: float,
) -> nn.Module:
    if name.startswith(PREFIX):
        return _timm_network(name, input_size, embedding_size, start, imagenet, dropout)
    if start is not None:
        network = fitted_network(name, start.state, start.source)
    else:
        try:
            network = ARCHITECTURES[name](**_options(name, input_size, embedding_size))
        except ValueError as error:
            raise TrainingError(f"{name}: {error}") from None
    if isinstance(network, InceptionResnetV1):
        # It gives unit vectors, and losses want the lengths: its logits are computed from the
        # vectors before, and a classifier that is the identity, without weights, gives them out.
        network.add_module("logits", nn.Identity())
        network.classify = True
    return network


def _options(name: str, input_size: int, embedding_size: int | None) -> dict[str, Any]:
    """The arguments of an architecture's class."""
    if name.startswith("ir_"):
        return {"input_size": input_size}
    if name.startswith(_HEADED) and embedding_size is not None:
        return {"head": Head(size=embedding_size)}
    return {}


def _timm_network(
    name: str,
    input_size: int,
    embedding_size: int | None,
    start: _Start | None,
    imagenet: bool,
    dropout: float,
) -> nn.Module:
    if start is not None and any(key.startswith("trunk.") for key in start.state):
        network = fitted_network(name, start.state, start.source, input_size)
        assert isinstance(network, TimmNetwork)  # noqa: S101 - of this name
        network.dropout.p = dropout
        return network
    word = name.removeprefix(PREFIX)
    if start is not None:
        trunk = _trunk_of_file(word, input_size, start)
    elif imagenet:
        trunk = _trunk_of_imagenet(word, input_size)
    else:
        trunk = timm_trunk(word, input_size)
    if embedding_size is None:
        return TimmNetwork(trunk, input_size, dropout=dropout)
    return TimmNetwork(trunk, input_size, embedding_size, dropout)


def _trunk_of_file(name: str, input_size: int, start: _Start) -> nn.Module:
    """A network of timm with the weights of a file as timm saves them."""
    overlay = {"state_dict": dict(start.state)}
    try:
        return timm_trunk(name, input_size, pretrained=True, pretrained_cfg_overlay=overlay)
    except (RuntimeError, KeyError, ValueError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        problems = "; ".join(line[:200] for line in lines[:5]) or type(error).__name__
        raise ModelError(f"{start.source}: not weights of {PREFIX}{name}: {problems}") from error


def _trunk_of_imagenet(name: str, input_size: int) -> nn.Module:
    """A network of timm with the weights timm has of it."""
    advice = (
        "fetch its file where there is a network and give pretrained=FILE, "
        "or begin with random weights"
    )
    if zoo.offline():
        raise TrainingError(
            f"pretrained: timm would download the weights of {name}, and FACEWISE_OFFLINE forbids "
            f"it; {advice}"
        )
    try:
        return timm_trunk(name, input_size, pretrained=True)
    except ModelError:
        raise
    except Exception as error:  # of timm, its hub, or whatever the hub uses
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise TrainingError(
            f"pretrained: timm could not give weights of {name} ({reason}); {advice}"
        ) from error


@torch.inference_mode()
def _embedding_size(network: nn.Module, name: str, input_size: int) -> int:
    """The length of a network's vectors.

    Raises:
        TrainingError: it cannot take faces of the size.
    """
    model = None if name.startswith((PREFIX, *_HEADED)) else _relative(name)
    reason = ""
    try:
        shape = network.eval()(torch.zeros(2, 3, input_size, input_size)).shape
        # On larger maps than it is made for, a network may give several vectors in a row.
        if len(shape) == 2 and (model is None or shape[1] == model.embedding_size):
            return int(shape[1])
    except RuntimeError as error:
        reason = f" ({' '.join(str(error).split())[:200]})"
    usual = "" if model is None else f"; it is made for {model.input_size}"
    raise TrainingError(
        f"input_size: {name} cannot take faces of {input_size} pixels{usual}{reason}"
    )
