"""The versions that decide what comes out, for records and for the keys of caches."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import PIL
import torch

from facewise._version import __version__

_BACKENDS = ("onnxruntime", "openvino")


def versions() -> dict[str, str]:
    """Of facewise, of what it always uses, and of the backends that are loaded."""
    loaded = {name: sys.modules[name] for name in _BACKENDS if name in sys.modules}
    return {
        "facewise": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "pillow": PIL.__version__,
        **{name: str(getattr(module, "__version__", "")) for name, module in loaded.items()},
    }
