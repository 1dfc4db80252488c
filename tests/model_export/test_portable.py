from __future__ import annotations

import pytest
import torch

from facewise.detection.mtcnn import load_networks
from facewise.model_export.portable import portable
from facewise.runtime.weights import BUNDLED


@pytest.mark.parametrize(
    ("number", "size"),
    [(0, (12, 13)), (0, (13, 12)), (0, (40, 61)), (0, (41, 60)), (1, (24, 24)), (2, (48, 48))],
)
def test_small_runtimes_operations_give_the_same(number, size):
    network = load_networks(BUNDLED / "mtcnn.safetensors")[number]
    x = torch.randn(3, 3, *size, generator=torch.Generator().manual_seed(1))
    graph = portable(network, x, torch.float32)
    for mine, theirs in zip(graph(x), network(x), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)
    text = str(graph.graph)
    assert "permute" not in text
    assert "ceil_mode: True" not in text
