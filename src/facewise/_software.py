"""The versions that decide what comes out, for records and for the keys of caches."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

import cv2
import numpy as np
import PIL
import torch

from facewise._version import __version__

_BACKENDS = ("onnxruntime", "openvino")


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Of facewise, of what it always uses, and of the backends that are installed.

    Whether a backend is in use is no part of it: that may be found out on the way, and the first
    and the last result of a run must agree.
    """
    return {
        "facewise": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "pillow": PIL.__version__,
        **{name: found for name in _BACKENDS if (found := installed_version(name))},
    }


def installed_version(name: str) -> str | None:
    """The version of a package by its name in the registry, or None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
