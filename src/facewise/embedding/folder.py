"""A model as a folder: `model.safetensors` and the `spec.json` that says how to use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import nn

from facewise._files import replace_file
from facewise.alignment import CropPolicy, EyeCornerCrop, MarginCrop
from facewise.zoo import SPEC_NAME, ModelSpec

WEIGHTS_NAME = "model.safetensors"


def write_model_folder(folder: Path, module: nn.Module, spec: ModelSpec) -> Path:
    """Write a network and its spec so that the folder is a model of its own.

    Each file is replaced whole; the spec comes last, so a new folder that has one is complete.

    Args:
        folder: made if it is not there; a model in it is replaced.
        module: the network; its tensors are written in the types they have.
        spec: of the network. File name, size and hash of its weights are not written: the weights
            are `model.safetensors`, beside the spec.

    Returns:
        The spec file; `facewise.load_embedder` and `--model` take it, or the folder.

    Raises:
        OSError: the folder cannot be written.
    """
    tensors = {name: value.detach().contiguous() for name, value in module.state_dict().items()}
    replace_file(folder / WEIGHTS_NAME, safetensors.torch.save(tensors))
    text = json.dumps(spec_content(spec, WEIGHTS_NAME), indent=2, ensure_ascii=False)
    replace_file(folder / SPEC_NAME, f"{text}\n".encode())
    return folder / SPEC_NAME


def spec_content(spec: ModelSpec, weights: str) -> dict[str, Any]:
    """A spec as the content of a spec file; `facewise.zoo.read_spec` gives the spec back.

    Args:
        spec: of an embedder.
        weights: name of the weight file, relative to the spec file.
    """
    normal = spec.normalisation
    content: dict[str, Any] = {
        "id": spec.id,
        "weights": weights,
        "architecture": spec.architecture,
        "input_size": spec.input_size,
        "embedding_size": spec.embedding_size,
        "crop": _crop(spec.crop),
        "normalisation": {
            "mean": list(normal.mean),
            "std": list(normal.std),
            "colour": normal.colour,
            **({"per_image": True} if normal.per_image else {}),
        },
        "flip": spec.flip,
        "licence": spec.weights.licence,
        "training_set": spec.weights.training_set,
    }
    thresholds = [
        {"value": t.value, "far": t.far, "measured_on": t.measured_on} for t in spec.thresholds
    ]
    optional = {
        "thresholds": thresholds,
        "published": dict(spec.published),
        "measured": dict(spec.measured),
        "precision_loss": dict(spec.precision_loss),
        "notes": spec.notes,
    }
    return content | {key: value for key, value in optional.items() if value}


def _crop(policy: CropPolicy | None) -> dict[str, Any]:
    if policy is None:
        raise ValueError("spec: an embedder has a crop")
    if isinstance(policy, MarginCrop):
        return {"margin": policy.margin}
    if isinstance(policy, EyeCornerCrop):
        return {"padding": policy.padding}
    return {"template": [list(point) for point in policy.template]}
