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
    "onnx": "onnx",
    "openvino": "openvino",
    "matplotlib": "matplotlib",
    "scikit-learn": "sklearn",
    "scipy": "scipy",
    "torchvision": "torchvision",
    "timm": "timm",
    "accelerate": "accelerate",
}
EXTRAS = {
    "onnx": ("onnxruntime", "onnx"),
    "openvino": ("openvino", "onnx"),
    "evaluate": ("matplotlib", "sklearn", "scipy"),
    "gallery": ("usearch",),
    "encryption": ("cryptography",),
    "files": ("h5py", "google.protobuf", "pyarrow"),
    "postgres": ("psycopg",),
    "milvus": ("pymilvus", "milvus_lite"),
    "shards": ("fsspec", "pyarrow"),
    "ray": ("ray",),
    "train": ("accelerate", "timm", "torchvision", "yaml"),
    "curate": ("sklearn", "scipy"),
    "video": ("aiohttp", "av", "pyarrow", "scipy"),
    "executorch": ("executorch",),
}
"""The modules that each optional dependency brings."""


def doctor(json_file: Json = None) -> None:
    """Show what is installed, what runs which model and why, and test it all on a real face.

    Exit status: 0, or 1 when the test fails.
    """
    from facewise.cli.files import write_text

    report = examine()
    if json_file is not None:
        write_text(json_file, json.dumps(report, indent=2))
    if str(json_file) != "-":
        for topic, findings in report.items():
            typer.echo(f"{topic.replace('_', ' ')}:")
            _show(findings, "  ")
    if not report["self_test"]["ok"]:
        raise typer.Exit(1)


def examine() -> dict[str, dict[str, Any]]:
    """Everything `doctor` knows, as plain values by topic."""
    from facewise.cli.self_test import run_self_test
    from facewise.embedding import DEFAULT_EMBEDDER
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
        "networks": _networks(DEFAULT_EMBEDDER),
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

    from facewise.runtime.processor import processor_features, processor_name
    from facewise.runtime.threads import threads

    cuda = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "processor": processor_name(),
        "features": sorted(processor_features()),
        "cpu_cores": os.cpu_count(),
        "threads": threads(),
        "cuda": cuda,
        "mps": torch.backends.mps.is_available(),
    }


def _networks(default: str) -> dict[str, Any]:
    """What runs the default embedder, and every model that was loaded on this machine, and why."""
    from facewise.embedding import load_embedder
    from facewise.runtime.decisions import kept_decisions
    from facewise.zoo import cache_dir

    networks: dict[str, Any] = {}
    try:
        load_embedder(default)
    except Exception as error:  # a diagnosis reports whatever is wrong
        networks[default] = f"{type(error).__name__}: {error}"
    for decision in kept_decisions(cache_dir() / "runtime"):
        backend, precision = decision.asked
        networks[f"{decision.subject} (backend {backend}, precision {precision})"] = {
            "picked": None if decision.picked is None else str(decision.picked),
            "why": decision.why,
            "candidates": {
                str(trial.candidate): {
                    "proof": None if trial.proof is None else asdict(trial.proof),
                    "milliseconds": trial.milliseconds,
                    "refused": trial.refused,
                    "in_words": str(trial),
                }
                for trial in decision.trials
            },
        }
    return networks


def _size(folder: Path) -> int:
    """Bytes of all files below a folder; 0 when there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _show(findings: dict[str, Any], indent: str) -> None:
    for name, value in findings.items():
        if not isinstance(value, dict):
            typer.echo(f"{indent}{name}: {_in_words(value)}")
        elif "in_words" in value:
            typer.echo(f"{indent}{value['in_words']}")
        else:
            typer.echo(f"{indent}{name}:")
            _show(value, f"{indent}  ")


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == []:
        return "none"
    return ", ".join(value) if isinstance(value, list) else str(value)
