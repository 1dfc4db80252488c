"""Integer convolutions in PyTorch: the same network, in steps of 1/255 of each map's range."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from facewise.runtime import torch_int8
from facewise.runtime.fusion import simplified
from facewise.runtime.networks import Candidate, compile_network
from facewise.runtime.quantization import observe
from facewise.runtime.torch_int8 import with_integers

pytestmark = pytest.mark.skipif(
    not torch_int8.available(), reason="this PyTorch has no integer convolutions"
)


class Block(nn.Module):
    """Everything that is computed in integers, and some that is not."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3)
        self.left = nn.Conv2d(16, 8, 1)
        self.right = nn.Conv2d(16, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(3, 2)
        self.back = nn.Conv2d(16, 16, 1)
        self.prelu = nn.PReLU(16)
        self.last = nn.Conv2d(16, 4, 3, stride=2, padding=1, groups=2)
        self.linear = nn.Linear(4, 5)

    def forward(self, x):
        x = self.pool(torch.relu(self.first(x)))
        sides = torch.cat([torch.relu(self.left(x)), self.right(x)], dim=1)
        x = torch.relu(x + self.back(sides))  # in the memory of x, which nobody needs again
        y = self.prelu(x)
        x = nn.functional.relu6(x) + self.back(y)  # in the memory of relu6
        return self.last(x), self.linear(self.last(x * y).mean(dim=(2, 3)))


@pytest.fixture(scope="module")
def block():
    torch.manual_seed(0)
    return Block().eval()


def pictures(*shape, seed=1):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return x.contiguous(memory_format=torch.channels_last)


def integers(module, seen):
    graph = simplified(module)
    ranges = observe(graph, seen.split(16))
    return with_integers(graph, ranges, seen[:1])


def test_results_are_near(block):
    network = integers(block, pictures(64, 3, 33, 33, seed=2))
    for shape in ((8, 3, 33, 33), (1, 3, 33, 33), (2, 3, 41, 25)):
        x = pictures(*shape)
        with torch.inference_mode():
            for result, exact in zip(network(x), block(x), strict=True):
                assert result.dtype == torch.float32
                assert 0 < (result - exact).abs().max() < 0.06 * exact.abs().max()


def test_every_convolution_is_of_integers(block):
    network = integers(block, pictures(64, 3, 33, 33, seed=2))
    made = [m for m in network.modules() if isinstance(m, torch_int8._Convolution)]
    assert len(made) == 7  # `back` and `last` are called twice
    assert not any(isinstance(m, nn.Conv2d) for m in network.modules())
    assert sum(m._added is not None for m in made) == 2


class Step(nn.Module):
    """Three convolutions, and what a test makes of them."""

    def __init__(self, forward):
        super().__init__()
        self.first = nn.Conv2d(3, 32, 3)
        self.a, self.b, self.c = (nn.Conv2d(32, 32, 3, padding=1) for _ in range(3))
        self._forward = forward

    def forward(self, x):
        return self._forward(self, torch.relu(self.first(x)))


def needed_by_the_next(m, x):
    y = torch.relu(x + m.a(x))
    return (m.b(x) + y).mean(dim=(2, 3))


def its_own_input(m, x):
    return torch.relu(x + m.a(x)).mean(dim=(2, 3))


def needed_by_a_later_step(m, x):
    u = torch.relu(m.a(x))
    b = m.b(x)
    e = torch.relu(x + m.c(u))
    return (e * torch.relu(b)).mean(dim=(2, 3))


def needed_by_a_sum_that_comes_later(m, x):
    u = torch.relu(m.a(x))
    b = m.b(x)  # read when it is added, below
    e = torch.relu(x + m.c(u))
    return torch.relu(u + b).mean(dim=(2, 3)) + e.mean(dim=(2, 3))


def two_convolutions(m, x):
    return torch.relu(m.a(x) + m.b(x)).mean(dim=(2, 3))


def clipped(m, x):
    return nn.functional.relu6(x + m.a(torch.relu(m.b(x)))).mean(dim=(2, 3))


def with_a_factor(m, x):
    return torch.relu(torch.add(x, m.a(torch.relu(m.b(x))), alpha=0.5)).mean(dim=(2, 3))


@pytest.mark.parametrize(
    "forward",
    [
        needed_by_the_next,
        its_own_input,
        needed_by_a_later_step,
        needed_by_a_sum_that_comes_later,
        two_convolutions,
        clipped,
        with_a_factor,
    ],
)
def test_sums_in_the_memory_of_a_map(forward):
    torch.manual_seed(1)
    module = Step(forward).eval()
    seen = pictures(64, 3, 16, 16, seed=2)
    network = integers(module, seen)
    with torch.inference_mode():
        exact = module(seen)
        assert (network(seen) - exact).abs().max() < 0.03 * exact.abs().max()


def test_ranges_of_another_network_are_refused(block):
    with pytest.raises(ValueError, match="the ranges are of another network"):
        with_integers(simplified(block), {"nobody": (0.0, 1.0)}, pictures(1, 3, 33, 33))


def test_uint8_is_converted_where_its_range_is_another():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 2, 1)).eval()
    pixels = torch.randint(0, 200, (4, 3, 20, 20), dtype=torch.uint8)
    network = integers(module, pixels.float())
    with torch.inference_mode():
        assert torch.equal(network(pixels), network(pixels.float()))


def test_pixels_are_taken_as_they_are():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 2, 1)).eval()
    pixels = torch.randint(0, 256, (4, 3, 20, 20), dtype=torch.uint8)
    pixels[0, 0, 0, :2] = torch.tensor([0, 255])
    network = compile_network(
        module,
        torch.zeros(1, 3, 20, 20),
        Candidate("torch", "int8"),
        key="",
        folder=None,
        calibration=lambda: [pixels.float()],
    )
    [whole], [real] = network(pixels), network(pixels.float())
    assert torch.equal(whole, real)
    with torch.inference_mode():
        exact = module(pixels.float())
    assert (whole - exact).abs().max() < 0.03 * exact.abs().max()


@pytest.mark.parametrize("channels", [8, 16, 48])
@pytest.mark.parametrize("size", [(8, 8), (9, 7), (2, 31)])
def test_maxima_of_integers(channels, size):
    x = torch.randint(0, 256, (3, channels, *size), dtype=torch.uint8)
    x = x.contiguous(memory_format=torch.channels_last)
    for pool in (nn.MaxPool2d(2), nn.MaxPool2d(3, 2, 1, ceil_mode=True)):
        if min(size) >= 3 or pool.kernel_size == 2:
            found = torch_int8._Maxima(pool)(x)
            assert torch.equal(found.float(), pool(x.float()))


def test_input_is_not_overwritten():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)

        def forward(self, x):
            return torch.relu(x + self.conv(x)).mean(dim=(2, 3))

    module = Sum().eval()
    pixels = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    pixels[0, 0, 0, :2] = torch.tensor([0, 255])
    kept = pixels.clone()
    network = integers(module, pixels.float())
    with torch.inference_mode():
        network(pixels.contiguous(memory_format=torch.channels_last))
    assert torch.equal(pixels, kept)
