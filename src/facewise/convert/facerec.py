"""Convert checkpoints of egcode/facerec: IR and IR-SE networks.

Its training saves `model.state_dict()` and nothing else (`helpers.save_model`). The networks are
those of ZhaoJ9014/face.evoLVe, and so are the names of the tensors; depth, squeeze-excitation and
input size can be read off them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from facewise.alignment import ARCFACE_112, FivePointCrop
from facewise.convert.model_id import id_after
from facewise.convert.torch_files import read_checkpoint, state_dict_of
from facewise.embedding.architectures import fitted_network
from facewise.errors import ModelError
from facewise.zoo import ModelSpec, Weights, get_spec

_DEPTHS = {24: 50, 49: 101, 50: 152}  # by residual units
_LAST = "output_layer.3.weight"  # (512, 512 * side * side), the side being 1/16 of the input's
_PUBLISHED = "ir_50.ms1m_arcface"  # the project's one published file, in the zoo


def convert_facerec(path: Path) -> tuple[nn.Module, ModelSpec]:
    """Read a `.pth` file of facerec.

    Preprocessing and licence are those that the zoo states for the file the project published;
    who trained on other pictures, or cut them otherwise, corrects `spec.json`.

    Args:
        path: a state_dict of IR_50, IR_101, IR_152 or the IR_SE of these depths, for inputs of
            112×112 or 224×224; also with the prefix of `DataParallel`, or in half precision.

    Returns:
        The network, in float32 and evaluation mode, and its spec.

    Raises:
        ModelError: the file is missing or damaged, would execute code, or holds other weights;
            says which.
    """
    state = state_dict_of(read_checkpoint(path), path)
    architecture = _architecture(state, path)
    network = fitted_network(architecture, state, str(path))
    size = 16 * round((state[_LAST].shape[1] / 512) ** 0.5)
    published = get_spec(_PUBLISHED)
    spec = ModelSpec(
        id=id_after(architecture, path),
        task="embed",
        architecture=architecture,
        weights=Weights(
            filename=path.name,
            licence=published.weights.licence,
            training_set=(
                "not told by the file; the project's published one: "
                f"{published.weights.training_set}"
            ),
        ),
        input_size=size,
        embedding_size=512,
        crop=_arcface_crop(size),
        normalisation=published.normalisation,
        notes=(
            f"Converted from {path.name} (egcode/facerec). Chips are ArcFace's, as in the zoo's "
            f"{_PUBLISHED}; the project's own scripts resized box crops to 128 pixels and took "
            "the middle 112."
        ),
    )
    return network, spec


def _architecture(state: Mapping[str, torch.Tensor], path: Path) -> str:
    """`ir_50` to `ir_se_152`, by the units and what is in them."""
    units = {found[1] for name in state if (found := re.match(r"body\.(\d+)\.", name))}
    depth = _DEPTHS.get(len(units))
    if depth is None:
        raise ModelError(
            f"{path}: expected IR or IR-SE weights of depth 50, 101 or 152 (body.0 to body.23, 48 "
            f"or 49), got {len(units)} units under body and {len(state)} tensors, the first "
            f"{next(iter(state))!r}"
        )
    squeezes = any(name.endswith("res_layer.5.fc1.weight") for name in state)
    return f"ir_se_{depth}" if squeezes else f"ir_{depth}"


def _arcface_crop(size: int) -> FivePointCrop:
    left, right, nose, mouth_left, mouth_right = (
        (x * size / 112, y * size / 112) for x, y in ARCFACE_112
    )
    return FivePointCrop(size, (left, right, nose, mouth_left, mouth_right))
