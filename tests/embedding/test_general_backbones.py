"""ResNet, MobileNetV2 and Inception-ResNet-v2 against torchvision and timm, with equal weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from facewise.embedding.architectures import ARCHITECTURES
from facewise.embedding.heads import Head
from facewise.embedding.inception_resnet_v2 import InceptionResnetV2
from facewise.embedding.mobilenet_v2 import MobileNetV2
from facewise.embedding.resnet import ResNet
from facewise.errors import ModelError
from facewise.runtime.fusion import simplified

KINDS = ("linear", "projection", "normed", "hidden", "hidden-normed")


def pictures(size):
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))


def randomised(module):
    """Batch norms as after training: unlike the identity."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    return module.eval()


@pytest.mark.parametrize(
    "depth", [18, 34, 50, *(pytest.param(d, marks=pytest.mark.slow) for d in (101, 152))]
)
def test_resnet_is_torchvisions(depth):
    models = pytest.importorskip("torchvision").models
    torch.manual_seed(0)
    reference = randomised(getattr(models, f"resnet{depth}")(num_classes=64))
    network = ResNet(depth, Head("linear", 64)).eval()
    network.load_state_dict(reference.state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(network(pictures(70)), reference(pictures(70)))


def test_mobilenet_v2_is_torchvisions():
    models = pytest.importorskip("torchvision").models
    torch.manual_seed(0)
    reference = models.mobilenet_v2()
    reference.classifier = nn.Linear(1280, 64)
    randomised(reference)
    network = MobileNetV2(Head("linear", 64)).eval()
    network.load_state_dict(reference.state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(network(pictures(70)), reference(pictures(70)))


@pytest.mark.parametrize("size", [299, 140])
def test_inception_resnet_v2_is_timms(size):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    reference = randomised(timm.create_model("inception_resnet_v2", num_classes=64))
    network = InceptionResnetV2(Head("linear", 64)).eval()
    network.load_state_dict(
        {k.replace("classif.", "last_linear."): v for k, v in reference.state_dict().items()}
    )
    with torch.inference_mode():
        torch.testing.assert_close(network(pictures(size)), reference(pictures(size)))


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "mobilenet_v2", "inception_resnet_v2"])
def test_a_simplified_network_is_the_same_function(name):
    torch.manual_seed(0)
    network = randomised(ARCHITECTURES[name](head=Head("hidden-normed", 64)))
    x = pictures(96)
    with torch.inference_mode():
        torch.testing.assert_close(simplified(network)(x), network(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 64, 512])
def test_a_head_is_found_by_its_tensors(kind, size):
    state = {f"fc.{k}": v for k, v in Head(kind, size).build(32).state_dict().items()}
    assert Head.found_in(state | {"fcx.weight": torch.zeros(1)}, "fc") == Head(kind, size)
    assert Head(kind, size).build(32).eval()(torch.zeros(3, 32)).shape == (3, size)


def test_heads_that_are_none():
    with pytest.raises(ModelError, match="known form under 'fc', got nothing"):
        Head.found_in({"weight": torch.zeros(2, 3)}, "fc")
    with pytest.raises(ModelError, match="known form under 'fc', got weight"):
        Head.found_in({"fc.weight": torch.zeros(2)}, "fc")
    with pytest.raises(ValueError, match="size: expected at least 1, got 0"):
        Head("linear", 0)
    with pytest.raises(ValueError, match=r"kind: expected one of linear, .* got 'cosine'"):
        Head("cosine")
    with pytest.raises(ValueError, match=r"depth: expected one of \(18, .*\), got 20"):
        ResNet(20)
