"""Packages that an extra brings, imported when they are needed and not before."""

from __future__ import annotations

import importlib
from typing import Any

from facewise.errors import ExtraMissingError

_PACKAGES = {
    "google": "protobuf",
    "pytorch_metric_learning": "pytorch-metric-learning",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""What a package is called where it is installed, if not as it is imported."""


def needed(module: str, purpose: str, extra: str) -> Any:
    """A module of an extra.

    Args:
        module: its name, for example `scipy.optimize`.
        purpose: what needs it, for the message: "reading a video".
        extra: its name, as in `pip install 'facewise[EXTRA]'`.

    Raises:
        ExtraMissingError: it is not installed; says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ExtraMissingError(
            f"{purpose}: needs {_PACKAGES.get(package, package)}; pip install 'facewise[{extra}]'"
        ) from error
