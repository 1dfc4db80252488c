"""Choosing a device and a number format: what was asked for or an error, never a fallback."""

from __future__ import annotations

import torch

from facewise.errors import DeviceError

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def resolve_device(device: str | torch.device | None) -> torch.device:
    """The device to run on.

    Args:
        device: `"cpu"`, `"cuda"`, `"cuda:1"`, `"mps"` …; `"auto"` takes CUDA, then MPS, then the
            CPU; None is the CPU.

    Raises:
        DeviceError: the name is not a device, or this machine has no such device.
    """
    if device is None:
        return torch.device("cpu")
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        wanted = torch.device(device)
        # The backend itself knows best: ask it for a byte.
        torch.empty(1, dtype=torch.uint8, device=wanted)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise DeviceError(
            f"device {str(device)!r}: not available on this machine ({reason})"
        ) from None
    if wanted.type == "meta":
        raise DeviceError("device 'meta': holds no values, nothing can run there")
    return wanted


def resolve_dtype(dtype: str | torch.dtype | None) -> torch.dtype:
    """The floating-point format of a network: float32 (the default), float16 or bfloat16.

    Raises:
        DeviceError: another type was asked for.
    """
    if dtype is None:
        return torch.float32
    found = _DTYPES.get(dtype) if isinstance(dtype, str) else dtype
    if found not in _DTYPES.values():
        raise DeviceError(f"dtype {dtype!r}: expected one of {', '.join(_DTYPES)}")
    assert found is not None  # noqa: S101 - for mypy: every value of _DTYPES is a dtype
    return found
