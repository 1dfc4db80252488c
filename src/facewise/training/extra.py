"""The packages of the extra `train`, imported when they are needed and not before."""

from __future__ import annotations

import importlib
from typing import Any

from facewise.errors import ExtraMissingError

_PACKAGES = {"yaml": "pyyaml", "pytorch_metric_learning": "pytorch-metric-learning"}
"""What a package is called where it is installed, if not as it is imported."""


def needed(module: str, purpose: str) -> Any:
    """A module of the extra.

    Args:
        module: its name, for example `accelerate` or `torchvision.transforms.v2`.
        purpose: what needs it, for the message: "training", "a backbone of timm".

    Raises:
        ExtraMissingError: it is not installed; says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ExtraMissingError(
            f"{purpose}: needs {_PACKAGES.get(package, package)}; pip install 'facewise[train]'"
        ) from error
