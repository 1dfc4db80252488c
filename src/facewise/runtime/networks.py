"""Run a network by backend and precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from facewise.runtime.quantization import Calibration, measured_ranges

BACKENDS = ("torch", "onnxruntime", "openvino")
PRECISIONS = ("float32", "bfloat16", "float16", "int8")


class Network(Protocol):
    """A network that was made ready to run; several threads may call it at once."""

    def __call__(self, x: Tensor) -> tuple[Tensor, ...]:
        """Run it.

        Args:
            x: float32 (n, 3, h, w) on the network's device, best in channels_last memory order.
                In `torch` and int8 pixels may come as uint8, if their range is 0 to 255.

        Returns:
            Its results, float32, on the same device.
        """
        ...


class GraphNetwork(Network, Protocol):
    """A network that comes from an ONNX graph."""

    @property
    def inputs(self) -> Sequence[Any]:
        """The graph's inputs, each with `name`, `type` and `shape`, as onnxruntime has them."""
        ...

    @property
    def outputs(self) -> Sequence[Any]:
        """The graph's outputs, likewise."""
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to run a network: a backend of `BACKENDS` with a precision of `PRECISIONS`."""

    backend: str
    precision: str

    def __str__(self) -> str:
        return f"{self.backend} {self.precision}"


def compile_network(
    module: nn.Module,
    example: Tensor,
    candidate: Candidate,
    *,
    key: str,
    folder: Path,
    device: torch.device | None = None,
    dynamic: Mapping[int, str] | None = None,
    calibration: Calibration | None = None,
) -> Network:
    """Make a network ready to run.

    Args:
        module: the network in float32; it is copied. For `torch` it may be anything; the other
            backends need one that `torch.fx` can trace, of the operators that
            `facewise.runtime.onnx_graph` knows.
        example: an input, float32 (n, 3, h, w), of the size that matters most.
        candidate: backend and precision; `available_candidates` says which this machine has.
        key: identifies the weights and the architecture; graphs on disk are named by it.
        folder: where files made on the way are kept: `zoo.cache_dir() / "runtime"`.
        device: where `torch` runs; the other backends run on the CPU.
        dynamic: names of the dimensions of the input that vary; by default the first alone.
        calibration: for int8.

    Raises:
        ValueError: int8 without calibration.
        NotImplementedError: the backend cannot run the network.
    """
    if candidate.precision == "int8" and calibration is None:
        raise ValueError("int8 needs calibration")
    if candidate.backend == "torch":
        from facewise.runtime.torch_backend import TorchNetwork

        ranges = None
        if candidate.precision == "int8" and calibration is not None:
            ranges = measured_ranges(module, calibration)
        where = device or torch.device("cpu")
        return TorchNetwork(module, example, candidate.precision, where, ranges)
    from facewise.runtime.graphs import kept_graph

    graph = kept_graph(
        module,
        example,
        dynamic=dynamic or {0: "batch"},
        calibration=calibration if candidate.precision == "int8" else None,
        key=key,
        folder=folder,
    )
    return graph_network(graph, candidate)


def graph_network(graph: Path | bytes, candidate: Candidate) -> GraphNetwork:
    """Make an ONNX graph ready to run on the CPU.

    Args:
        graph: the file or its content, with one float32 input (n, 3, h, w).
        candidate: a backend other than `torch`, and a precision; `int8` means that the graph has
            8-bit integers in it, and what is not integer runs in float32.
    """
    if candidate.backend == "onnxruntime":
        from facewise.runtime.onnxruntime_backend import OnnxruntimeNetwork

        return OnnxruntimeNetwork(graph)
    from facewise.runtime.openvino_backend import OpenVinoNetwork

    return OpenVinoNetwork(graph, candidate.precision)
