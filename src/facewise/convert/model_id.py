"""The id of a converted model."""

from __future__ import annotations

import re
from pathlib import Path


def id_after(architecture: str, path: Path) -> str:
    """`architecture.tag`, the tag being the file's name in the letters that ids have.

    Example:
        >>> id_after("resnet18", Path("runs/model_ResNet18-triplet epoch 3.pt"))
        'resnet18.model_resnet18_triplet_epoch_3'
    """
    words = re.findall("[a-z0-9]+", path.stem.lower())
    return f"{architecture}.{'_'.join(words) or 'converted'}"
