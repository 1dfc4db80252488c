"""TorchScript files, which PyTorch runs in Python and in C++ (`torch::jit::load`)."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facewise.errors import ModelError
from facewise.model_export.formats import Runner, Wanted
from facewise.model_export.metadata import KEY
from facewise.model_export.parts import Part
from facewise.model_export.preprocessing import Wrapped
from facewise.runtime.fusion import simplified

SUFFIX = ".torchscript"
BESIDE: tuple[str, ...] = ()
PRECISIONS = ("float32", "float16")
_EXTRA = f"{KEY}.json"


def write(part: Part, wanted: Wanted, path: Path) -> None:
    """See `facewise.model_export.formats.Format`."""
    if part.module is None:
        raise ModelError(f"{part.name}: comes as an ONNX graph, not as a network of PyTorch")
    dtype = torch.float16 if wanted.precision == "float16" else torch.float32
    network = copy.deepcopy(simplified(part.module)).to(dtype)
    normalisation = part.spec.normalisation if wanted.preprocess else None
    module = Wrapped(network, normalisation, dtype).eval()
    pixels = part.proofs[0]
    example = torch.from_numpy(pixels) if wanted.preprocess else part.input(pixels)
    with _quiet(), torch.no_grad():
        traced = torch.jit.trace(module, example, check_trace=False)  # type: ignore[no-untyped-call]
        torch.jit.save(traced, str(path), _extra_files={_EXTRA: wanted.metadata})


def opened(path: Path) -> Runner:
    """See `facewise.model_export.formats.Format`."""
    with _quiet():
        module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]

    def run(batch: NDArray[Any]) -> tuple[NDArray[np.float32], ...]:
        with torch.inference_mode():
            answers = module(torch.from_numpy(batch))
        answers = answers if isinstance(answers, tuple) else (answers,)
        return tuple(answer.numpy() for answer in answers)

    return run


def metadata(path: Path) -> str:
    """See `facewise.model_export.formats.Format`."""
    extra = {_EXTRA: ""}
    try:
        with _quiet():
            torch.jit.load(str(path), "cpu", extra)  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0][:160]
        raise ModelError(f"{path}: not a file of TorchScript ({reason})") from None
    content: str | bytes = extra[_EXTRA]
    return content.decode() if isinstance(content, bytes) else content


@contextmanager
def _quiet() -> Iterator[None]:
    """PyTorch warns that TorchScript is not developed further."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
