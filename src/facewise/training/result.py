"""What a training leaves: a folder that is a model."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from facewise.embedding.folder import write_model_folder
from facewise.errors import TrainingError
from facewise.zoo import ModelSpec


def save_model(folder: Path, module: nn.Module, spec: ModelSpec) -> Path:
    """Write a network and its spec so that `load_embedder(folder)` and `--model FOLDER` take them.

    The model is called after its folder, `architecture.folder`, so that two runs have two names.
    `model.safetensors` and `spec.json` are each replaced whole, the spec last; a model that is
    there already stays what it is until then.

    Args:
        folder: made if need be.
        module: of `build_backbone`, trained; written in the types its tensors have.
        spec: the one `build_backbone` gave with it.

    Returns:
        The folder.

    Raises:
        TrainingError: a weight is not finite: such a model would replace a good one.
        OSError: the folder cannot be written.
    """
    for name, value in module.state_dict().items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise TrainingError(f"{folder}: not written: {name} has values that are not finite")
    write_model_folder(folder, module, replace(spec, id=_id(spec.architecture, folder)))
    return folder


def _id(architecture: str, folder: Path) -> str:
    """`architecture.tag` in the letters that ids have."""
    stem, tag = (
        "_".join(re.findall("[a-z0-9]+", text.lower()))
        for text in (architecture, folder.resolve().name)
    )
    return f"{stem}.{tag or 'trained'}"
