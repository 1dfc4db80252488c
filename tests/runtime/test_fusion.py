"""A simplified network is the same function, with fewer steps."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.fx.proxy import TraceError

from facewise.detection.mtcnn_nets import ONet, PNet, RNet
from facewise.embedding.architectures import ARCHITECTURES
from facewise.runtime.fusion import simplified

SIZES = {"dlib_resnet29": 150, "inception_resnet_v1": 96}
NETWORKS = ("dlib_resnet29", "inception_resnet_v1", "mobilefacenet", "ir_50", "ir_se_50")


def randomised(module):
    """Batch norms as after training: unlike the identity."""
    torch.manual_seed(0)
    for layer in module.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.1)
        if isinstance(layer, nn.PReLU):
            nn.init.uniform_(layer.weight, -0.5, 1.5)
    return module


@pytest.mark.parametrize("name", NETWORKS)
def test_embedders_stay_the_same(name):
    network = randomised(ARCHITECTURES[name]().eval())
    x = torch.randn(2, 3, *2 * [SIZES.get(name, 112)])
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with torch.inference_mode():
        expected = network(x)
        torch.testing.assert_close(simplified(network)(x), expected, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())


@pytest.mark.parametrize(("build", "size"), [(PNet, 37), (RNet, 24), (ONet, 48)])
def test_detectors_stay_the_same(build, size):
    network = randomised(build().eval())
    x = torch.randn(2, 3, size, size)
    with torch.inference_mode():
        torch.testing.assert_close(simplified(network)(x), network(x), rtol=1e-4, atol=1e-6)


def test_what_inference_does_not_need_is_gone():
    graph = simplified(ARCHITECTURES["inception_resnet_v1"]())
    kinds = [type(layer) for layer in graph.modules()]
    assert not {nn.BatchNorm2d, nn.BatchNorm1d, nn.Dropout, nn.Identity} & set(kinds)
    assert not any("mul" in node.name for node in graph.graph.nodes)  # the residuals' factors
    assert kinds.count(nn.Conv2d) == 132


class Shared(nn.Module):
    """A convolution whose result is used twice, and one that is called twice."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.norm = nn.BatchNorm2d(3)
        self.other = nn.BatchNorm2d(3)

    def forward(self, x):
        y = self.a(x)
        return self.norm(y) + 0.5 * y + self.other(self.b(self.b(x)))


def test_weights_that_are_used_otherwise_too_are_not_folded():
    network = randomised(Shared().eval())
    graph = simplified(network)
    x = torch.randn(1, 3, 4, 4)
    torch.testing.assert_close(graph(x), network(x))
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in graph.modules()) == 2


class Hesitant(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


def test_control_flow_that_depends_on_values_is_an_error():
    with pytest.raises(TraceError):
        simplified(Hesitant())
