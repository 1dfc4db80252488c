"""Run an ONNX graph on the CPU with OpenVINO: the extra `openvino`."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facewise.errors import ExtraMissingError, ModelError
from facewise.runtime.threads import cores, in_worker, threads

_TYPES = {"f32": "tensor(float)", "f16": "tensor(float16)", "f64": "tensor(double)"}
_HINTS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}
"""OpenVINO's name of what runs in floating point. What stays so beside 8-bit integers is little:
in bfloat16 it gained nothing."""


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output, described as onnxruntime does; a free dimension is None."""

    name: str
    type: str
    shape: tuple[int | None, ...]

    @classmethod
    def of(cls, port: Any) -> Port:
        """Describe one of OpenVINO's."""
        kind = port.get_element_type().get_type_name()
        sizes = (d.get_length() if d.is_static else None for d in port.get_partial_shape())
        return cls(port.get_any_name(), _TYPES.get(kind, kind), tuple(sizes))


class OpenVinoNetwork:
    """A graph compiled twice at most: all threads for one call, and one thread for each call.

    Workers call at the same time, each with one core; OpenVINO calls that streams.
    """

    def __init__(self, graph: Path | bytes, precision: str) -> None:
        """Compile the graph.

        Args:
            graph: the ONNX file, or its content.
            precision: of what is not integer in it; `int8` says that the rest is little.

        Raises:
            ModelError: the file is not a graph that OpenVINO can read.
            ExtraMissingError: OpenVINO is not installed.
        """
        self._graph = graph
        self._precision = precision
        self._compiled: dict[tuple[int, int], Any] = {}
        self._compiling = threading.Lock()
        self._local = threading.local()
        model = _read(graph)
        self.inputs = [Port.of(port) for port in model.inputs]
        self.outputs = [Port.of(port) for port in model.outputs]
        self._model()  # what cannot be compiled fails here

    def __call__(self, x: Tensor) -> tuple[Tensor, ...]:
        """See `facewise.runtime.networks.Network`."""
        request = self._request()
        pictures = x.permute(0, 2, 3, 1).contiguous().numpy()
        request.infer([pictures], share_inputs=True)
        return tuple(
            # Copied, because the next call writes to the same place.
            torch.from_numpy(np.array(request.get_output_tensor(i).data))
            for i in range(len(request.model_outputs))
        )

    def _request(self) -> Any:
        """The calling thread's own, since one request is one computation at a time."""
        number = threads()
        requests = self._local.__dict__.setdefault("requests", {})
        if number not in requests:
            requests[number] = self._model().create_infer_request()
        return requests[number]

    def _model(self) -> Any:
        streams, number = (cores(), cores()) if in_worker() else (1, threads())
        with self._compiling:
            if (streams, number) not in self._compiled:
                settings = {
                    "INFERENCE_PRECISION_HINT": _HINTS[self._precision],
                    "NUM_STREAMS": streams,
                    "INFERENCE_NUM_THREADS": number,
                }
                self._compiled[streams, number] = _core().compile_model(
                    _fed_with_pictures(_read(self._graph)), "CPU", settings
                )
            return self._compiled[streams, number]


@cache
def _core() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise ExtraMissingError(
            "the backend 'openvino' needs it: pip install 'facewise[openvino]'"
        ) from error
    return openvino.Core()


def _read(graph: Path | bytes) -> Any:
    try:
        return _core().read_model(graph)
    except RuntimeError as error:
        name = "the graph" if isinstance(graph, bytes) else str(graph)
        reason = str(error).strip().splitlines()[-1]
        raise ModelError(f"{name}: OpenVINO cannot read it: {reason}") from error


def _fed_with_pictures(model: Any) -> Any:
    """The model, with its input in the memory order that pictures come in."""
    if len(model.inputs) != 1 or len(model.inputs[0].get_partial_shape()) != 4:
        return model  # not one of ours; whoever looks at `inputs` will say so
    from openvino import Layout
    from openvino.preprocess import PrePostProcessor

    steps = PrePostProcessor(model)
    steps.input().tensor().set_layout(Layout("NHWC"))
    steps.input().model().set_layout(Layout("NCHW"))
    return steps.build()
