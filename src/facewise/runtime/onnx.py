"""Open ONNX graphs with onnxruntime: the extra `onnx`, imported when first used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from facewise.errors import DeviceError, ExtraMissingError, ModelError
from facewise.runtime.threads import threads

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_ERRORS_ONLY = 3  # onnxruntime's log level; below it, some good files warn at every batch


def open_session(graph: Path | bytes, device: str | torch.device | None = None) -> Any:
    """An onnxruntime session that runs exactly where it was asked to.

    One call uses as many threads as the calling thread may at the time of opening.

    Args:
        graph: the ONNX file, or its content.
        device: `cpu` (the default), `cuda`, `cuda:N`, or `auto` for CUDA where onnxruntime has it.

    Raises:
        ExtraMissingError: onnxruntime is not installed.
        DeviceError: this onnxruntime has no support for the device, or cannot start it.
        ModelError: the file is missing or not an ONNX graph.
    """
    name = "the graph" if isinstance(graph, bytes) else str(graph)
    if isinstance(graph, Path) and not graph.is_file():
        raise ModelError(f"{name}: no such file")
    try:
        import onnxruntime
    except ImportError as error:
        raise ExtraMissingError(
            f"{name}: ONNX models need onnxruntime: pip install 'facewise[onnx]'"
        ) from error
    provider, options = _provider(device, onnxruntime.get_available_providers())
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = _ERRORS_ONLY
    settings.intra_op_num_threads = threads()
    # Between two calls its threads would spin and take the processor from everybody else's work.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(graph, settings, providers=[(provider, options)])
    except Exception as error:  # onnxruntime's errors have no common base of their own
        raise ModelError(f"{name}: onnxruntime cannot read it: {error}") from error
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
