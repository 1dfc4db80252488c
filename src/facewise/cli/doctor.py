"""`facewise doctor`: what is installed, what it can use, and whether it works."""

from __future__ import annotations

import importlib
import json
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from facewise._version import __version__
from facewise.cli.options import Json

_MODULES = {
    "torch": "torch",
    "numpy": "numpy",
    "pillow": "PIL",
    "opencv": "cv2",
    "safetensors": "safetensors",
    "onnxruntime": "onnxruntime",
}
EXTRAS = {"onnx": ("onnxruntime",)}
"""The modules that each optional dependency brings."""


def doctor(json_file: Json = None) -> None:
    """Show versions, devices, extras, the cache and the models, and test them on a real face.

    Exit status: 0, or 1 when the test fails.
    """
    from facewise.cli.files import write_text

    report = examine()
    if json_file is not None:
        write_text(json_file, json.dumps(report, indent=2))
    if str(json_file) != "-":
        for topic, findings in report.items():
            typer.echo(f"{topic.replace('_', ' ')}:")
            for name, value in findings.items():
                typer.echo(f"  {name}: {_in_words(value)}")
    if not report["self_test"]["ok"]:
        raise typer.Exit(1)


def examine() -> dict[str, dict[str, Any]]:
    """Everything `doctor` knows, as plain values by topic."""
    from facewise.cli.self_test import run_self_test
    from facewise.zoo import cache_dir, list_specs, offline, state

    versions = {name: _version(module) for name, module in _MODULES.items()}
    python = {"facewise": __version__, "python": platform.python_version()}
    return {
        "versions": python | versions | {"platform": platform.platform()},
        "devices": _devices(),
        "extras": {
            extra: all(_version(module) is not None for module in modules)
            for extra, modules in EXTRAS.items()
        },
        "cache": {
            "folder": str(cache_dir()),
            "megabytes": round(_size(cache_dir()) / 1e6, 1),
            "offline": offline(),
        },
        "models": {spec.id: state(spec) for spec in list_specs()},
        "self_test": asdict(run_self_test()),
    }


def _version(module: str) -> str | None:
    """The version of a module, or None when it is missing or cannot be imported."""
    try:
        return str(importlib.import_module(module).__version__)
    except Exception:  # a broken binary raises whatever it likes, and doctor is for such a day
        return None


def _devices() -> dict[str, Any]:
    import torch

    cuda = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "cpu_cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cuda": cuda,
        "mps": torch.backends.mps.is_available(),
    }


def _size(folder: Path) -> int:
    """Bytes of all files below a folder; 0 when there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == []:
        return "none"
    return ", ".join(value) if isinstance(value, list) else str(value)
