"""Run an ONNX graph with onnxruntime: the extra `onnx`."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from facewise.runtime.onnx import open_session
from facewise.runtime.threads import threads


class OnnxruntimeNetwork:
    """A graph with one session for each number of threads that it is called with."""

    def __init__(self, graph: Path | bytes, device: str | torch.device | None = None) -> None:
        """Open the graph; for the errors see `open_session`.

        Args:
            graph: the ONNX file, or its content.
            device: where it runs; inputs and results are on the host always.
        """
        self._graph = graph
        self._device = device
        self._sessions: dict[int, Any] = {}
        self._opening = threading.Lock()
        session = self._session()
        self.inputs = session.get_inputs()
        self.outputs = session.get_outputs()

    def __call__(self, x: Tensor) -> tuple[Tensor, ...]:
        """See `facewise.runtime.networks.Network`."""
        results = self._session().run(None, {self.inputs[0].name: x.contiguous().numpy()})
        return tuple(torch.from_numpy(result) for result in results)

    def _session(self) -> Any:
        """The calling thread's: with all threads for a caller, with one for a worker."""
        number = threads()
        with self._opening:
            if number not in self._sessions:
                self._sessions[number] = open_session(self._graph, self._device)
            return self._sessions[number]
