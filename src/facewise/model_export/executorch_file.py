"""ExecuTorch files, for phones and small devices; XNNPACK does the work where it can.

Memory is planned when the file is written, so batches and pictures have greatest sizes, `LIMITS`.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facewise._extras import needed
from facewise.errors import ModelError
from facewise.model_export.formats import Runner, Wanted
from facewise.model_export.metadata import KEY
from facewise.model_export.parts import Part
from facewise.model_export.portable import portable
from facewise.model_export.preprocessing import Wrapped

SUFFIX = ".pte"
BESIDE: tuple[str, ...] = ()
PRECISIONS = ("float32", "float16", "int8")

LIMITS = {"batch": (1, 64), "height": (16, 1080), "width": (16, 1920)}
"""Least and greatest size of what varies; where pictures vary too, the batch has at most 2."""

_PICTURES = 2
_METHOD = "forward"


def write(part: Part, wanted: Wanted, path: Path) -> None:
    """See `facewise.model_export.formats.Format`."""
    if part.module is None:
        raise ModelError(f"{part.name}: comes as an ONNX graph, not as a network of PyTorch")
    exir = _module("executorch.exir")
    partitioner = _module("executorch.backends.xnnpack.partition.xnnpack_partitioner")
    dtype = torch.float16 if wanted.precision == "float16" else torch.float32
    network = portable(part.module, part.input(part.proofs[0]), dtype)
    normalisation = part.spec.normalisation if wanted.preprocess else None
    module: torch.nn.Module = Wrapped(network, normalisation, dtype).eval()
    example = _largest(part, wanted)
    with _quiet(), torch.no_grad():
        if wanted.precision == "int8":
            module = _with_integers(module, part, wanted, example)
        exported = torch.export.export(module, (example,), dynamic_shapes=(_sizes(part, wanted),))
        program = exir.to_edge_transform_and_lower(
            exported,
            partitioner=[partitioner.XnnpackPartitioner()],
            constant_methods={KEY: wanted.metadata},
        ).to_executorch()
    path.write_bytes(program.buffer)


def opened(path: Path) -> Runner:
    """See `facewise.model_export.formats.Format`."""
    method = _module("executorch.runtime").Runtime.get().load_program(path).load_method(_METHOD)

    def run(batch: NDArray[Any]) -> tuple[NDArray[np.float32], ...]:
        answers = method.execute([torch.from_numpy(batch).contiguous()])
        return tuple(answer.numpy().copy() for answer in answers)

    return run


def metadata(path: Path) -> str:
    """See `facewise.model_export.formats.Format`."""
    runtime = _module("executorch.runtime").Runtime.get()
    try:
        program = runtime.load_program(path)
    except (OSError, RuntimeError) as error:
        raise ModelError(f"{path}: not a file of ExecuTorch ({error})") from None
    if KEY not in program.method_names:
        return ""
    return str(program.load_method(KEY).execute([])[0])


def _given(part: Part, wanted: Wanted, pixels: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(pixels).contiguous() if wanted.preprocess else part.input(pixels)


def _largest(part: Part, wanted: Wanted) -> torch.Tensor:
    """An input of the greatest sizes.

    By a smaller one PyTorch's rules of thumb, which depend on sizes, may lower the limits.
    """
    shape = list(_given(part, wanted, part.proofs[0]).shape)
    for place, size in _sizes(part, wanted).items():
        shape[place] = size.max
    return torch.zeros(shape, dtype=torch.uint8 if wanted.preprocess else torch.float32)


def _sizes(part: Part, wanted: Wanted) -> dict[int, Any]:
    """The dimensions of the input that vary, as `torch.export` takes them."""
    places = {0: 0, 2: 1, 3: 2} if wanted.preprocess else {0: 0, 2: 2, 3: 3}
    sizes = {}
    for place, name in part.dynamic.items():
        least, most = LIMITS[name]
        if name == "batch" and len(part.dynamic) > 1:
            most = _PICTURES
        sizes[places[place]] = torch.export.Dim(name, min=least, max=most)
    return sizes


def _with_integers(
    module: torch.nn.Module, part: Part, wanted: Wanted, example: torch.Tensor
) -> torch.nn.Module:
    """The network with the 8-bit operators of XNNPACK, in ranges that real inputs show."""
    quantizer = _module("executorch.backends.xnnpack.quantizer.xnnpack_quantizer")
    steps = _module("torchao.quantization.pt2e.quantize_pt2e")
    sizes = (_sizes(part, wanted),)
    graph = torch.export.export(module, (example,), dynamic_shapes=sizes).module()
    rules = quantizer.XNNPACKQuantizer()
    rules.set_global(quantizer.get_symmetric_quantization_config(is_per_channel=True))
    prepared = steps.prepare_pt2e(graph, rules)
    for pixels in wanted.calibration:
        prepared(_given(part, wanted, pixels))
    converted: torch.nn.Module = steps.convert_pt2e(prepared)
    return converted


def _module(name: str) -> Any:
    with _quiet():
        return needed(name, "the format 'executorch'", "executorch")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what is said about the making of a file to ourselves."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
