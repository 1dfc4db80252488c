"""Run an embedder that comes as an ONNX file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from facewise.errors import ChipError, ModelError
from facewise.runtime.networks import Candidate, GraphNetwork, graph_network
from facewise.runtime.onnxruntime_backend import OnnxruntimeNetwork

if TYPE_CHECKING:
    from numpy.typing import NDArray


class OnnxNetwork:
    """An embedder's graph: one batch of square pictures in, one vector for each out.

    Attributes:
        path: the file.
        device: where it runs, as it was asked for.
        input_size: side of the pictures in pixels.
        embedding_size: length of the vectors.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        device: str = "cpu",
        candidate: Candidate = Candidate("onnxruntime", "float32"),  # noqa: B008 - it is frozen
    ) -> None:
        """Read the file and check that it is an embedder.

        Args:
            path: an ONNX file with one float32 input of shape (n, 3, S, S), where n is 1 or free
                and S is fixed, and one output of shape (n, d).
            device: `cpu`, `cuda`, `cuda:N` or `auto`; OpenVINO runs on the CPU.
            candidate: backend and precision.

        Raises:
            ModelError: the file is missing, damaged, or not such a graph.
            DeviceError: the device is not on this machine, or this onnxruntime cannot use it.
            ExtraMissingError: the backend is not installed.
        """
        self.path = Path(path)
        self.device = device
        self._network: GraphNetwork = (
            OnnxruntimeNetwork(self.path, device)
            if candidate.backend == "onnxruntime"
            else graph_network(self.path, candidate)
        )
        self._fixed_batch, self.input_size = self._read_input()
        self.embedding_size = self._read_output()

    def __call__(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed a batch.

        Args:
            inputs: normalised faces, float32, shape (n, 3, input_size, input_size).

        Returns:
            Embeddings as the graph gives them, float32, shape (n, embedding_size).

        Raises:
            ChipError: another shape or type.
        """
        expected = (3, self.input_size, self.input_size)
        if inputs.dtype != np.float32 or inputs.ndim != 4 or inputs.shape[1:] != expected:
            raise ChipError(
                f"inputs: expected float32 (n, {', '.join(map(str, expected))}), "
                f"got {inputs.dtype} {inputs.shape}"
            )
        step = self._fixed_batch or max(len(inputs), 1)
        batches = [self._run(inputs[i : i + step]) for i in range(0, len(inputs), step)]
        # The empty part gives n = 0 its shape; graphs seldom take an empty batch.
        return np.concatenate([np.empty((0, self.embedding_size), np.float32), *batches])

    def _run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        result: NDArray[np.float32] = self._network(torch.from_numpy(np.ascontiguousarray(batch)))[
            0
        ].numpy()
        return result

    def _read_input(self) -> tuple[int | None, int]:
        """Batch size of the input (1, or None for a free one) and its side."""
        inputs = self._network.inputs
        if len(inputs) == 1 and inputs[0].type == "tensor(float)" and len(inputs[0].shape) == 4:
            batch, channels, height, width = inputs[0].shape
            fixed = batch if isinstance(batch, int) else None
            if fixed in (None, 1) and channels == 3 and isinstance(height, int) and height == width:
                return fixed, height
        raise ModelError(
            f"{self.path}: not an embedder: expected one float32 input of shape (n, 3, S, S) with "
            f"n free or 1 and S fixed, found {_described(inputs)}"
        )

    def _read_output(self) -> int:
        """Length of the vectors, from a trial run: the shape in the file is often vague or wrong.

        Two pictures tell vectors of their own from a graph that has batch size 1 built in.
        """
        outputs = self._network.outputs
        if len(outputs) == 1 and outputs[0].type == "tensor(float)":
            n = self._fixed_batch or 2
            try:
                result = self._run(np.zeros((n, 3, self.input_size, self.input_size), np.float32))
            except Exception as error:  # backends' errors have no common base
                raise ModelError(f"{self.path}: a trial run failed: {error}") from error
            if result.ndim == 2 and len(result) == n:
                return int(result.shape[1])
        raise ModelError(
            f"{self.path}: not an embedder: expected one float32 output of shape (n, d), "
            f"found {_described(outputs)}"
        )


def _described(nodes: Sequence[Any]) -> str:
    """Inputs or outputs of a graph, for an error message."""
    return ", ".join(f"{n.name}: {n.type} {n.shape}" for n in nodes) or "none"
