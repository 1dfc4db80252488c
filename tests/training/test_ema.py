"""The moving average of weights against its definition."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from facewise.errors import TrainingError
from facewise.training.ema import Ema


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def moved(module: nn.Module, seed: int) -> dict[str, torch.Tensor]:
    """Give a network other weights and statistics; a copy of them."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in module.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.randn(value.shape, generator=generator))
            else:
                value.add_(1)
    return {name: value.clone() for name, value in module.state_dict().items()}


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.9999])
def test_the_definition(decay: float) -> None:
    module = network()
    ema = Ema(module, decay)
    seen = []
    for seed in range(6):
        seen.append(moved(module, seed))
        ema.update()
        weights = [decay ** (len(seen) - 1 - i) for i in range(len(seen))]
        twin = network()
        ema.copy_to(twin)
        for name, parameter in twin.named_parameters():
            total = sum(w * each[name].double() for w, each in zip(weights, seen, strict=True))
            expected = (total / sum(weights)).float()
            torch.testing.assert_close(parameter.detach(), expected, rtol=1e-5, atol=1e-6)
        for name, buffer in twin.named_buffers():
            assert torch.equal(buffer, seen[-1][name]), name


def test_weights_from_before_the_first_step_have_no_part() -> None:
    module = network()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1e6)
    ema = Ema(module, 0.999)
    now = moved(module, 1)
    ema.update()
    twin = network()
    ema.copy_to(twin)
    for name, parameter in twin.named_parameters():
        assert torch.equal(parameter, now[name])


def test_without_an_update_it_is_the_network() -> None:
    module = network()
    now = moved(module, 2)
    ema = Ema(module, 0.9)
    moved(module, 3)
    twin = network()
    ema.copy_to(twin)
    for name, value in twin.state_dict().items():
        assert torch.equal(value, now[name]), name


def test_weights_that_do_not_change_stay_to_the_last_digit() -> None:
    module = network()
    now = moved(module, 4)
    ema = Ema(module, 0.99)
    for _ in range(50):
        ema.update()
    ema.copy_to(module)
    for name, value in module.state_dict().items():
        assert torch.equal(value, now[name]), name


def test_resuming_is_exact() -> None:
    module = network()
    whole, first = Ema(module, 0.9), Ema(module, 0.9)
    for seed in range(4):
        moved(module, seed)
        whole.update()
        first.update()
    state = copy.deepcopy(first.state_dict())
    second = Ema(module, 0.9)
    second.load_state_dict(state)
    for seed in range(4, 8):
        moved(module, seed)
        whole.update()
        second.update()
    twins = network(), network()
    whole.copy_to(twins[0])
    second.copy_to(twins[1])
    assert second.updates == 8
    for name, value in twins[0].state_dict().items():
        assert torch.equal(value, twins[1].state_dict()[name]), name


def test_small_steps_survive_in_half_precision() -> None:
    module = nn.Linear(1, 1, bias=False).to(torch.bfloat16)
    ema = Ema(module, 0.999)
    with torch.no_grad():
        for value in [1.0] * 500 + [1.0078125] * 500:  # neighbours in bfloat16
            module.weight.fill_(value)
            ema.update()
    average = ema.state_dict()["average"]["weight"]
    assert average.dtype == torch.float32
    share = (1 - 0.999**500) / (1 - 0.999**1000)
    assert float(average) == pytest.approx(1 + 0.0078125 * share, abs=1e-5)


@pytest.mark.parametrize("decay", [0.0, 1.0, -0.1, 1.5])
def test_decay_out_of_range(decay: float) -> None:
    with pytest.raises(TrainingError, match=r"ema: expected a decay in \(0, 1\)"):
        Ema(network(), decay)


def test_another_network() -> None:
    ema = Ema(network(), 0.9)
    with pytest.raises(TrainingError, match=r"0\.weight: expected \(2, 3\), got \(2, 4\)"):
        ema.copy_to(nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2)))
    with pytest.raises(TrainingError, match=r"1\.weight: expected \(2,\), got nothing"):
        ema.copy_to(nn.Sequential(nn.Linear(3, 2)))
    with pytest.raises(TrainingError, match=r"the state has the decay 0\.9, expected 0\.5"):
        Ema(network(), 0.5).load_state_dict(ema.state_dict())
    with pytest.raises(TrainingError, match="the state is of another form"):
        Ema(nn.Linear(3, 2), 0.9).load_state_dict(ema.state_dict())
    with pytest.raises(TrainingError, match="not that of a moving average"):
        ema.load_state_dict({"decay": 0.9})
