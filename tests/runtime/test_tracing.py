from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn

from facewise.runtime.tracing import traced


class Waiting(nn.Module):
    """While it is being traced, it lets somebody else run a module, and waits until they have."""

    def __init__(self, begun: threading.Event, ended: threading.Event) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.begun, self.ended = begun, ended

    def forward(self, x):
        self.begun.set()
        assert self.ended.wait(20)
        return self.layer(x).relu()


def test_another_thread_runs_a_network_meanwhile():
    begun, ended = threading.Event(), threading.Event()
    other, given = nn.Sequential(nn.Linear(4, 4), nn.ReLU()), torch.ones(1, 4)
    expected = other(given)

    def run():
        assert begun.wait(20)
        try:
            return other(given)
        finally:
            ended.set()

    module = Waiting(begun, ended)
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(run)
        graph = traced(module)
        assert torch.equal(result.result(), expected)
    x = torch.randn(5, 3)
    assert torch.equal(graph(x), module.layer(x).relu())
    assert [node.op for node in graph.graph.nodes].count("call_module") == 1


def test_two_traces_at_once():
    networks = [nn.Sequential(*(nn.Linear(3, 3) for _ in range(30))) for _ in range(8)]
    with ThreadPoolExecutor(4) as pool:
        graphs = list(pool.map(traced, networks))
    for network, graph in zip(networks, graphs, strict=True):
        x = torch.randn(2, 3)
        assert torch.equal(graph(x), network(x))
