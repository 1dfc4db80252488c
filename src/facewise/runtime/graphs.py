"""ONNX graphs of networks, written once and kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from facewise._files import replace_file
from facewise._version import __version__
from facewise.runtime.fusion import simplified
from facewise.runtime.onnx_graph import onnx_graph
from facewise.runtime.quantization import Calibration, measured_ranges

_DIGEST = 32  # bytes of SHA-256, which stands before the content in a kept file


def kept_graph(
    module: nn.Module,
    example: Tensor,
    *,
    dynamic: Mapping[int, str],
    calibration: Calibration | None,
    key: str,
    folder: Path,
) -> bytes:
    """The ONNX graph of a network: the kept one, or a new one, which is then kept.

    A kept file that is damaged is written anew; where nothing can be written, nothing is kept.

    Args:
        module: the network in float32.
        example: an input.
        dynamic: names of the input's dimensions that vary.
        calibration: write it with 8-bit integers, in these ranges.
        key: identifies the weights and the architecture.
        folder: below which graphs are kept.
    """
    ranges = None if calibration is None else measured_ranges(module, calibration)
    shape = [dynamic.get(i, size) for i, size in enumerate(example.shape)]
    made_of = [key, __version__, torch.__version__, shape, ranges]
    name = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    path = folder / "graphs" / f"{name}.onnx"
    kept = _read(path)
    if kept is not None:
        return kept
    graph = onnx_graph(simplified(module), example.cpu(), dynamic, ranges)
    with contextlib.suppress(OSError):
        replace_file(path, hashlib.sha256(graph).digest() + graph)
    return graph


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    graph = content[_DIGEST:]
    return graph if hashlib.sha256(graph).digest() == content[:_DIGEST] else None
