from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from facewise.embedding.mobilefacenet import MobileFaceNet
from facewise.training.depthwise import spare_depthwise


def gradients(network: nn.Module, chips: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    with torch.autocast("cpu", torch.bfloat16):
        out = network(chips)
    out.float().square().sum().backward()
    return out, {
        name: each.grad for name, each in network.named_parameters() if each.grad is not None
    }


def test_it_computes_what_it_computed_but_for_rounding() -> None:
    torch.manual_seed(0)
    chips = torch.randn(2, 8, 12, 12)
    plain = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8)
    spared = copy.deepcopy(plain)
    assert spare_depthwise(spared) == 1
    exact = plain(chips)
    exact.square().sum().backward()
    out, found = gradients(spared, chips.bfloat16())
    assert out.dtype is torch.bfloat16
    torch.testing.assert_close(out.float(), exact, rtol=2e-2, atol=2e-2)
    torch.testing.assert_close(found["weight"], plain.weight.grad, rtol=2e-2, atol=0.2)
    assert found["weight"].dtype is torch.float32


def test_float32_is_the_same_to_the_bit() -> None:
    chips = torch.randn(1, 3, 112, 112)
    plain = MobileFaceNet().eval()
    spared = copy.deepcopy(plain)
    assert spare_depthwise(spared) == 3
    assert spare_depthwise(spared) == 0
    assert torch.equal(plain(chips), spared(chips))
    assert plain.state_dict().keys() == spared.state_dict().keys()


@pytest.mark.parametrize(
    "other",
    [
        nn.Conv2d(8, 8, 3, groups=8),
        nn.Conv2d(8, 8, 3, stride=2),
        nn.Conv2d(1, 8, 3, stride=2),
        nn.Conv2d(8, 8, 3, stride=2, groups=4),
    ],
    ids=["no stride", "full", "one channel", "groups"],
)
def test_others_stay_as_they_are(other: nn.Conv2d) -> None:
    assert spare_depthwise(other) == 0
    assert type(other) is nn.Conv2d
