"""Trace a network while other threads run theirs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.fx import GraphModule, Tracer

_LOCK = threading.Lock()
"""Two traces at once would each undo what the other has put in place."""


def traced(module: nn.Module) -> GraphModule:
    """A network as a graph.

    While `torch.fx` traces, calls of *every* module, in every thread, go through the tracer. Here
    those of other threads are passed on untouched.

    Raises:
        torch.fx.proxy.TraceError: it cannot be traced.
    """
    with _LOCK:
        tracer = _OwnThread()
        graph = tracer.trace(module)
        return GraphModule(tracer.root, graph, type(module).__name__)


class _OwnThread(Tracer):
    """Sees only what its own thread calls."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def call_module(
        self,
        m: nn.Module,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)
