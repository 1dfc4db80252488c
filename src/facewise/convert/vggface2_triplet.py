"""Convert checkpoints of tamerthamoqa/facenet-pytorch-vggface2 (later facenet-pytorch-glint360k).

The project saves a dictionary: `model_state_dict`, `model_architecture`, `embedding_dimension`,
`epoch`, `batch_size_training`, the optimiser's state, and, where it was measured,
`best_distance_threshold`; trainings with center loss add `num_classes` and more state. Weights are
those of torchvision's ResNet and MobileNetV2 or of Cadene's Inception-ResNet-v2 under `model.`,
with a head that the project changed four times. What the pictures were changed with it, and the
file does not tell it; the head does, as far as the project's history goes. `Preparation` holds
what was read there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from facewise.alignment import MarginCrop
from facewise.convert.model_id import id_after
from facewise.convert.torch_files import read_checkpoint, state_dict_of
from facewise.embedding.architectures import fitted_network
from facewise.embedding.heads import Head, HeadKind
from facewise.errors import ModelError
from facewise.zoo import ModelSpec, Normalisation, Threshold, Weights, get_spec

_PREFIX = "model."
_INCEPTION, _MOBILENET = "inception_resnet_v2", "mobilenet_v2"
_THEIR_NAMES = {"inceptionresnetv2": _INCEPTION, "mobilenetv2": _MOBILENET}
_HEADS = {_INCEPTION: "last_linear", _MOBILENET: "classifier"}  # of a ResNet: fc
_CLASSES = {_MOBILENET: "classifier2."}  # the layer of the center loss; of others: classifier
_RESNETS = {(2, False): 18, (6, False): 34, (6, True): 50, (23, True): 101, (36, True): 152}
"""Depth by the blocks of `layer3`, and whether blocks are bottlenecks."""

_INCEPTION_SIZE = 299  # its average pool took 8×8 maps, and so no other input
_ALPHA = 10.0  # the first generation's embeddings had this length (arXiv:1703.09507, eq. 9)
_LICENCE_OF = "resnet18.vggface2_triplet"  # the zoo's entry that states it


@dataclass(frozen=True, slots=True)
class Preparation:
    """How a generation of the project cut and normalised its faces.

    Attributes:
        size: side of the chips in pixels.
        margin: around MTCNN's box, both sides together. The project counted it in pixels of the
            picture; here, as in facenet-pytorch, it is in pixels of the chip.
        mean: of the pixels, in 0 to 1, by channel (RGB).
        std: likewise.
        training_set: what it trained on.
    """

    size: int
    margin: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    training_set: str


_VGGFACE2 = "VGGFace2 (research only)"

PREPARATIONS: Mapping[str, Preparation] = {
    "160": Preparation(160, 32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), _VGGFACE2),
    "224-margin": Preparation(
        224, 45, (0.5157, 0.4062, 0.3550), (0.2858, 0.2515, 0.2433), _VGGFACE2
    ),
    "224": Preparation(224, 0, (0.6068, 0.4517, 0.3800), (0.2492, 0.2173, 0.2082), _VGGFACE2),
    "140": Preparation(
        140, 0, (0.6071, 0.4609, 0.3944), (0.2457, 0.2175, 0.2129), "Glint360K (research only)"
    ),
}
"""By the name that `--preparation` takes; from the training scripts and READMEs of the project. A
margin of 32 pixels of the picture is taken for a fifth of the chip, as 32 is of 160."""

_PREPARATION_OF: Mapping[HeadKind, str] = {
    "linear": "160",
    "hidden": "224-margin",
    "hidden-normed": "224-margin",
    "normed": "224",
    "projection": "140",
}


def convert_vggface2_triplet(
    path: Path,
    *,
    architecture: str | None = None,
    embedding_size: int | None = None,
    preparation: str | None = None,
    input_size: int | None = None,
) -> tuple[nn.Module, ModelSpec]:
    """Read a checkpoint of either generation, of triplet or center loss.

    Args:
        path: the dictionary that the project's training saves, or its `model_state_dict` alone;
            also with the prefix of `DataParallel`, or in half precision.
        architecture: `resnet18` to `resnet152`, `inceptionresnetv2` or `mobilenetv2`, instead of
            what the file says, or its tensors show.
        embedding_size: length of the vectors, where the file states another than its tensors have
            (the project's Inception-ResNet-v2 once ignored the setting).
        preparation: a key of `PREPARATIONS`; by default that of the head's generation.
        input_size: side of the chips in pixels, at least 32, where the training had its own; the
            margin keeps its share.

    Returns:
        The network, in float32 and evaluation mode, and its spec. `best_distance_threshold` d
        stands in it as the cosine 1 - d²/2r², r being the length of the project's embeddings; no
        false-accept rate is known of it. The layer of a center loss is left out.

    Raises:
        ModelError: the file is missing or damaged, would execute code, or holds other weights;
            an argument does not fit it. Says which.
    """
    content = read_checkpoint(path)
    state = _tensors(content, path)
    facts = content if isinstance(content, Mapping) and "model_state_dict" in content else {}
    architecture = _architecture(architecture or facts.get("model_architecture"), state, path)
    classes = _CLASSES.get(architecture, "classifier.")
    state = {name: value for name, value in state.items() if not name.startswith(classes)}
    network = fitted_network(architecture, state, str(path))
    head = Head.found_in(state, _HEADS.get(architecture, "fc"))
    _check_size(embedding_size, facts.get("embedding_dimension"), head, path)
    name = preparation or _PREPARATION_OF[head.kind]
    if name not in PREPARATIONS:
        raise ModelError(
            f"preparation: expected one of {', '.join(PREPARATIONS)}, got {preparation!r}"
        )
    prepared = PREPARATIONS[name]
    size = input_size or (_INCEPTION_SIZE if architecture == _INCEPTION else prepared.size)
    if size < 32:
        raise ModelError(f"input_size: expected at least 32 pixels, got {size}")
    threshold, threshold_note = _threshold(facts.get("best_distance_threshold"), head, path)
    spec = ModelSpec(
        id=id_after(architecture, path),
        task="embed",
        architecture=architecture,
        weights=Weights(
            filename=path.name,
            licence=get_spec(_LICENCE_OF).weights.licence,
            training_set=f"{prepared.training_set}, unless trained on other pictures",
        ),
        input_size=size,
        embedding_size=head.size,
        crop=MarginCrop(size, round(prepared.margin * size / prepared.size)),
        normalisation=_normalisation(prepared),
        thresholds=() if threshold is None else (threshold,),
        notes=" ".join(filter(None, (_origin(path, facts, head, name), threshold_note))),
    )
    return network, spec


def _tensors(content: Any, path: Path) -> dict[str, torch.Tensor]:
    """The weights without `model.`, which stands before all of them."""
    state = state_dict_of(content, path)
    if all(name.startswith(_PREFIX) for name in state):
        state = {name.removeprefix(_PREFIX): value for name, value in state.items()}
    return state


def _architecture(told: object, state: Mapping[str, torch.Tensor], path: Path) -> str:
    """Our name of the network that was told, or else of the one whose tensors these are."""
    known = [*(f"resnet{depth}" for depth in _RESNETS.values()), *_THEIR_NAMES.values()]
    if told is not None:
        name = _THEIR_NAMES.get(str(told), str(told))
        if name not in known:
            raise ModelError(f"{path}: expected one of {', '.join(known)}, got {told!r}")
        return name
    if "conv2d_1a.conv.weight" in state:
        return _INCEPTION
    if "features.0.0.weight" in state:
        return _MOBILENET
    blocks = {name.split(".")[1] for name in state if name.startswith("layer3.")}
    depth = _RESNETS.get((len(blocks), "layer1.0.conv3.weight" in state))
    if depth is None:
        raise ModelError(
            f"{path}: says of no architecture, and its tensors are of none of {', '.join(known)}; "
            f"the first is {next(iter(state))!r}"
        )
    return f"resnet{depth}"


def _check_size(asked: int | None, told: object, head: Head, path: Path) -> None:
    if asked is not None and asked != head.size:
        raise ModelError(f"{path}: its embeddings have {head.size} numbers, not {asked}")
    if asked is None and told is not None and told != head.size:
        raise ModelError(
            f"{path}: says embedding_dimension {told!r}, but its tensors give {head.size} numbers; "
            f"to convert it all the same give --embedding-size {head.size} "
            f"(Python: embedding_size={head.size})"
        )


def _normalisation(prepared: Preparation) -> Normalisation:
    """`(pixel / 255 - mean) / std` as a spec has it, for pixels in 0 to 255."""
    r, g, b = (255 * value for value in prepared.mean)
    sr, sg, sb = (255 * value for value in prepared.std)
    return Normalisation(mean=(r, g, b), std=(sr, sg, sb))


def _threshold(told: object, head: Head, path: Path) -> tuple[Threshold | None, str]:
    """The project's best Euclidean distance as a cosine, and what is to be said of it.

    Between vectors of length r the distance d means the cosine 1 - d²/2r². r is 1, but for the
    linear head of the first generation, which gave vectors of length 10, or, in its beginnings,
    of any length. There only distances that are no distances of unit vectors can be told apart.
    """
    if told is None:
        return None, ""
    if isinstance(told, bool) or not isinstance(told, (int, float)) or not told >= 0:
        raise ModelError(
            f"{path}: best_distance_threshold: expected a distance of at least 0, got {told!r}"
        )
    distance = float(told)
    length = _ALPHA if head.kind == "linear" else 1.0
    if distance > 2 * length or (length > 1 and distance <= 2):
        return None, (
            f"Its best Euclidean distance on LFW, {distance:g}, is of vectors of unknown length "
            "and means no cosine."
        )
    cosine = 1 - distance**2 / (2 * length**2)
    source = (
        f"the project's best_distance_threshold on LFW: Euclidean distance {distance:g} between "
        f"vectors of length {length:g}; its false-accept rate is not known"
    )
    return Threshold(cosine, None, source), (
        f"Its best Euclidean distance on LFW, {distance:g}, is the cosine {cosine:.4f}."
    )


def _origin(path: Path, facts: Mapping[str, Any], head: Head, preparation: str) -> str:
    told = [f"head {head.kind}", f"preparation {preparation}"]
    if "epoch" in facts:
        told.append(f"epoch {facts['epoch']}")
    if "num_classes" in facts:
        told.append(f"center loss over {facts['num_classes']} people")
    return f"Converted from {path.name} (tamerthamoqa/facenet-pytorch-vggface2): {', '.join(told)}."
