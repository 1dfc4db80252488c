"""Read weight files, without running anything that is in them."""

from __future__ import annotations

import contextlib
import pickle  # for the numbers of its instructions alone
import pickletools
import re
import zipfile
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
        require_stored(path)
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except ModelError:
        raise
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except SafetensorError as error:
        raise ModelError(f"{path}: damaged safetensors file ({error})") from error
    except Exception as error:  # torch.load raises whatever a damaged file makes it trip over
        raise ModelError(f"{path}: {why_unreadable(path, error)}") from error
    if not isinstance(content, dict) or not all(
        isinstance(value, torch.Tensor) for value in content.values()
    ):
        raise ModelError(
            f"{path}: expected a state_dict, a dictionary of tensors{_advice(content)}"
        )
    return content


def require_stored(path: Path) -> None:
    """Refuse an archive with compressed parts, which PyTorch never writes: they may be endless.

    Raises:
        ModelError: see above.
    """
    if not zipfile.is_zipfile(path):
        return
    with contextlib.suppress(zipfile.BadZipFile, OSError), zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
            raise ModelError(f"{path}: an archive with compressed parts, and no file of torch.save")


def why_unreadable(path: Path, error: Exception) -> str:
    """One line for what `torch.load` raised; its own text advises to run what is in the file."""
    text = " ".join(str(error).split())
    code = re.search(r"GLOBAL ([\w.]+)", text) or re.search(r"Unsupported class ([\w.]+)", text)
    name = _called(path) if code is None else code[1]
    if name is not None:
        return (
            f"refused: to read it, {name} would have to be executed; save the state_dict alone "
            "(`torch.save(model.state_dict(), FILE)`) where you trust the file"
        )
    inner = re.search(r"WeightsUnpickler error: (.*?)(?: Check the documentation|$)", text)
    if inner is not None:
        text = inner[1]
    elif "weights_only" in text:
        text = "not a file of torch.save"
    return f"cannot be read as a PyTorch file; is it whole? ({text[:160] or type(error).__name__})"


def _called(path: Path) -> str | None:
    """What a plain pickle, as `pickle.dump` writes it, would call first; it is not run."""
    strings: list[str] = []
    try:
        with path.open("rb") as file:
            if file.read(1) != pickle.PROTO:
                return None
            file.seek(0)
            for code, argument, _ in pickletools.genops(file):
                if code.name == "GLOBAL":
                    return str(argument).replace(" ", ".")
                if code.name == "STACK_GLOBAL":
                    return ".".join(strings[-2:])
                if isinstance(argument, str):
                    strings.append(argument)
    except (OSError, ValueError, OverflowError, MemoryError):
        pass
    return None


def _advice(content: object) -> str:
    """What to do with a checkpoint of a training."""
    if isinstance(content, dict) and "model_state_dict" in content:
        return "; this is a checkpoint of a training: try facewise convert vggface2-triplet"
    return ""
