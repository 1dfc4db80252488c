"""Open ONNX graphs with onnxruntime: the extra `onnx`, imported when first used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from facewise.errors import DeviceError, ExtraMissingError, ModelError

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_ERRORS_ONLY = 3  # onnxruntime's log level; below it, some good files warn at every batch


def open_session(path: Path, device: str | torch.device | None = None) -> Any:
    """An onnxruntime session that runs exactly where it was asked to.

    It uses as many threads as PyTorch, so that one setting governs both.

    Args:
        path: the ONNX file.
        device: `cpu` (the default), `cuda`, `cuda:N`, or `auto` for CUDA where onnxruntime has it.

    Raises:
        ExtraMissingError: onnxruntime is not installed.
        DeviceError: this onnxruntime has no support for the device, or cannot start it.
        ModelError: the file is missing or not an ONNX graph.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such file")
    try:
        import onnxruntime
    except ImportError as error:
        raise ExtraMissingError(
            f"{path}: ONNX models need onnxruntime: pip install 'facewise[onnx]'"
        ) from error
    provider, options = _provider(device, onnxruntime.get_available_providers())
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = _ERRORS_ONLY
    settings.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(path, settings, providers=[(provider, options)])
    except Exception as error:  # onnxruntime's errors have no common base of their own
        raise ModelError(f"{path}: onnxruntime cannot read it: {error}") from error
    if provider not in session.get_providers():  # it falls back to the CPU with a mere warning
        raise DeviceError(
            f"device '{device}': onnxruntime has {provider} but could not start it; "
            "check its CUDA and cuDNN libraries, or use device='cpu'"
        )
    return session


def _provider(
    device: str | torch.device | None, available: list[str]
) -> tuple[str, dict[str, str]]:
    """The provider of onnxruntime, with its options, for a device of torch's naming."""
    if device == "auto":
        device = "cuda" if _PROVIDERS["cuda"] in available else "cpu"
    try:
        wanted = torch.device(device or "cpu")
    except RuntimeError as error:
        raise DeviceError(f"device '{device}': not a device name; use 'cpu' or 'cuda'") from error
    if wanted.type not in _PROVIDERS:
        raise DeviceError(f"device '{device}': ONNX models run on 'cpu' or 'cuda'")
    provider = _PROVIDERS[wanted.type]
    if provider not in available:
        raise DeviceError(
            f"device '{device}': this onnxruntime has no {provider}, only {', '.join(available)}; "
            "install onnxruntime-gpu, or use device='cpu'"
        )
    return provider, {} if wanted.index is None else {"device_id": str(wanted.index)}
