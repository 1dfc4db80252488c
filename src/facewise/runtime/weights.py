"""Read weight files, without running anything that is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from facewise.errors import ModelError

BUNDLED = Path(__file__).parents[1] / "weights"
"""The folder of the weights that lie in the package."""


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a `.safetensors` file, or of a PyTorch file that holds a state_dict.

    Raises:
        ModelError: the file is missing, damaged, or holds anything but named tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except SafetensorError as error:
        raise ModelError(f"{path}: damaged safetensors file ({error})") from error
    except Exception as error:  # torch.load raises whatever a damaged file makes it trip over
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path}: not a PyTorch state_dict safe to load ({reason})") from error
    if not isinstance(content, dict) or not all(
        isinstance(value, torch.Tensor) for value in content.values()
    ):
        raise ModelError(
            f"{path}: expected a state_dict, a dictionary of tensors{_advice(content)}"
        )
    return content


def _advice(content: object) -> str:
    """What to do with a checkpoint of a training."""
    if isinstance(content, dict) and "model_state_dict" in content:
        return "; this is a checkpoint of a training: try facewise convert vggface2-triplet"
    return ""
