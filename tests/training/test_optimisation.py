"""What decays and how fast each part learns; schedules against their formulas."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD

from facewise.errors import TrainingError
from facewise.training.backbones import build_backbone
from facewise.training.freezing import freeze
from facewise.training.losses import FaceLoss, build_loss
from facewise.training.optimisation import OPTIMIZERS, build_optimizer, build_schedule


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.set_num_threads(2)
    torch.manual_seed(7)


class Backbone(nn.Module):
    """One of each kind of parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.slope = nn.PReLU(4)
        self.map_norm = nn.LayerNorm((2, 2))
        self.linear = nn.Linear(4, 5)
        self.scale = nn.Parameter(torch.ones(()))
        self.bias = nn.Parameter(torch.zeros(1, 5))


def by_name(optimizer: torch.optim.Optimizer, *modules: nn.Module) -> dict[str, dict[str, Any]]:
    """The group of each parameter."""
    names = {
        id(parameter): f"{i}.{name}"
        for i, module in enumerate(modules)
        for name, parameter in module.named_parameters()
    }
    found = {}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            assert names[id(parameter)] not in found
            found[names[id(parameter)]] = group
    return found


def test_what_decays() -> None:
    backbone, loss = Backbone(), build_loss("center", num_classes=6, embedding_size=5)
    optimizer = build_optimizer("sgd", backbone, loss, lr=0.1, weight_decay=5e-4)
    groups = by_name(optimizer, backbone, loss)
    assert groups.keys() == {
        *(f"0.{name}" for name, _ in backbone.named_parameters()),
        *(f"1.{name}" for name, _ in loss.named_parameters()),
    }
    decaying = {name for name, group in groups.items() if group["weight_decay"]}
    assert decaying == {"0.conv.weight", "0.linear.weight", "1.classifier.weight"}
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.0, 5e-4}


def test_rates() -> None:
    backbone, loss = Backbone(), build_loss("center", num_classes=6, embedding_size=5)
    optimizer = build_optimizer(
        "sgd", backbone, loss, lr=0.1, weight_decay=0.0, head_lr=0.3, centers_lr=0.2
    )
    rates = {name: group["lr"] for name, group in by_name(optimizer, backbone, loss).items()}
    assert {rate for name, rate in rates.items() if name.startswith("0.")} == {0.1}
    assert rates["1.classifier.weight"] == 0.3
    assert rates["1.centers"] == 0.2
    names = {group["name"]: group["lr"] for group in optimizer.param_groups}
    assert names == {"backbone": 0.1, "head": 0.3, "centers": 0.2}


@pytest.mark.parametrize(("name", "rate"), [("sgd", 0.5), ("adam", 0.01), ("rmsprop", 0.01)])
def test_default_rates(name: str, rate: float) -> None:
    backbone, loss = Backbone(), build_loss("center", num_classes=6, embedding_size=5)
    groups = by_name(
        build_optimizer(name, backbone, loss, lr=0.01, weight_decay=0.1), backbone, loss
    )
    assert groups["1.classifier.weight"]["lr"] == 0.01
    assert groups["1.centers"]["lr"] == rate
    assert groups["1.centers"].get("momentum", 0) == 0


def test_centers_move_as_in_the_paper() -> None:
    backbone, loss = Backbone(), build_loss("center", num_classes=3, embedding_size=2)
    optimizer = build_optimizer("sgd", backbone, loss, lr=0.1, weight_decay=0.1)
    centers = loss.get_parameter("centers")
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    labels = torch.tensor([0, 0, 2])
    expected = centers.detach().clone()
    for _ in range(3):
        loss(x.clone().requires_grad_(), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
        for j in range(3):
            own = x[labels == j]
            expected[j] -= 0.5 * (expected[j] - own).sum(dim=0) / (1 + len(own))
    torch.testing.assert_close(centers.detach(), expected)


def test_frozen_parameters_are_left_out() -> None:
    backbone, _ = build_backbone("mobilefacenet")
    freeze(backbone, "head-only")
    loss = build_loss("triplet", num_classes=6, embedding_size=128)
    optimizer = build_optimizer("adamw", backbone, loss, lr=0.1, weight_decay=0.05)
    groups = by_name(optimizer, backbone)
    decays = {name: group["weight_decay"] for name, group in groups.items()}
    assert decays == {
        "0.conv3.weight": 0.05, "0.conv3.bias": 0.0, "0.bn.weight": 0.0, "0.bn.bias": 0.0
    }  # fmt: skip
    backbone.requires_grad_(False)
    with pytest.raises(TrainingError, match="nothing is left that learns"):
        build_optimizer("sgd", backbone, loss, lr=0.1, weight_decay=0.0)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_each_optimizer_learns(name: str, rate: float) -> None:
    backbone = nn.Linear(4, 8)
    loss = build_loss("arcface", num_classes=12, embedding_size=8, sample_rate=rate)
    optimizer = build_optimizer(name, backbone, loss, lr=0.01, weight_decay=1e-4)
    loss.attach(optimizer)
    x, labels = torch.randn(12, 4), torch.arange(12)
    losses = []
    for _ in range(60):
        value = loss(backbone(x), labels)
        value.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(value.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_by_hand(nesterov: bool) -> None:
    class Square(FaceLoss):
        def forward(self, embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            return embeddings.square().sum() / 2

    backbone = nn.Linear(2, 3)
    loss = Square(3)
    optimizer = build_optimizer(
        "sgd", backbone, loss, lr=0.1, weight_decay=0.01, momentum=0.8, nesterov=nesterov
    )
    x = torch.randn(5, 2)
    weight, bias = (p.detach().clone() for p in (backbone.weight, backbone.bias))
    momenta = [torch.zeros_like(weight), torch.zeros_like(bias)]
    for _ in range(4):
        loss(backbone(x), torch.zeros(5)).backward()
        optimizer.step()
        optimizer.zero_grad()
        y = x @ weight.T + bias
        gradients = [y.T @ x + 0.01 * weight, y.sum(dim=0)]  # the bias does not decay
        for i, (value, gradient) in enumerate(zip((weight, bias), gradients, strict=True)):
            momenta[i] = 0.8 * momenta[i] + gradient
            value -= 0.1 * (gradient + 0.8 * momenta[i] if nesterov else momenta[i])
    torch.testing.assert_close(backbone.weight.detach(), weight)
    torch.testing.assert_close(backbone.bias.detach(), bias)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "lion"}, "optimizer: expected one of sgd, adagrad, rmsprop, adam, adamw, got"),
        ({"lr": 0.0}, "lr: expected a number above 0, got 0.0"),
        ({"lr": math.nan}, "lr: expected a number above 0"),
        ({"head_lr": -1.0}, r"head_lr: expected a number above 0, got -1\.0"),
        ({"centers_lr": 0.0}, "centers_lr: expected a number above 0"),
        ({"weight_decay": -1.0}, "weight_decay: expected at least 0"),
        ({"momentum": 1.0}, r"momentum: expected a number in \[0, 1\)"),
        ({"name": "adam", "nesterov": True}, "nesterov: is a form of the momentum of sgd"),
        ({"momentum": 0.0, "nesterov": True}, "nesterov: is a form of the momentum of sgd"),
    ],
)
def test_wrong_options(changes: dict[str, Any], message: str) -> None:
    options = {"name": "sgd", "lr": 0.1, "weight_decay": 0.0} | changes
    loss = build_loss("softmax", num_classes=3, embedding_size=5)
    with pytest.raises(TrainingError, match=message):
        build_optimizer(options.pop("name"), Backbone(), loss, **options)


def rates(kind: Any, steps: int, **options: Any) -> list[list[float]]:
    """The rates of two groups at each step."""
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (1.0, 0.2)]
    optimizer = SGD(groups, lr=1.0)
    schedule = build_schedule(optimizer, kind, **options)
    found = []
    for _ in range(steps):
        found.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    return found


def test_warm_up_and_constant() -> None:
    found = rates("constant", 8, total_steps=8, warmup_steps=4)
    factors = [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert [pytest.approx([f, 0.2 * f]) for f in factors] == found


def test_cosine() -> None:
    found = rates("cosine", 12, total_steps=10, warmup_steps=2, end=0.1)
    for step, (first, second) in enumerate(found):
        if step < 2:
            factor = (step + 1) / 2
        else:
            t = min((step - 2) / 8, 1)
            factor = 0.1 + 0.9 * math.cos(math.pi * t / 2) ** 2  # half-angle
        assert first == pytest.approx(factor)
        assert second == pytest.approx(0.2 * factor)
    assert found[2][0] == 1.0
    assert found[11][0] == pytest.approx(0.1)


@pytest.mark.parametrize(("options", "power", "end"), [
    ({}, 2, 0), ({"power": 3.0}, 3, 0), ({"power": 1.0, "end": 0.25}, 1, 0.25)
])  # fmt: skip
def test_polynomial(options: dict[str, float], power: int, end: float) -> None:
    found = rates("polynomial", 9, total_steps=8, **options)
    expected = [end + (1 - end) * ((8 - step) / 8) ** power for step in range(9)]
    assert [first for first, _ in found] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("options", "at"),
    [({}, [10, 15]), ({"milestones": [4, 0.5, 18]}, [4, 10, 18]), ({"milestones": []}, [])],
)
def test_steps(options: dict[str, Any], at: list[int]) -> None:
    found = rates("step", 20, total_steps=20, gamma=0.5, **options)
    expected = [0.5 ** len([mark for mark in at if mark <= step]) for step in range(20)]
    assert [first for first, _ in found] == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["constant", "step", "cosine", "polynomial"])
def test_resuming_is_exact(kind: Any) -> None:
    def begin() -> tuple[SGD, Any]:
        optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
        return optimizer, build_schedule(optimizer, kind, total_steps=40, warmup_steps=7)

    optimizer, schedule = begin()
    whole = []
    for step in range(40):
        if step == 23:
            state = optimizer.state_dict(), schedule.state_dict()
        whole.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    optimizer, schedule = begin()
    optimizer.load_state_dict(state[0])
    schedule.load_state_dict(state[1])
    again = []
    for _ in range(23, 40):
        again.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert again == whole[23:]


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("linear", {}, "schedule: expected one of constant, step, cosine, polynomial, got"),
        ("cosine", {"total_steps": 0}, "total_steps: expected at least 1, got 0"),
        ("cosine", {"warmup_steps": 10}, "expected fewer steps than the 10 of the run, got 10"),
        ("cosine", {"warmup_steps": -1}, "got -1"),
        ("cosine", {"gamma": 0.1}, "schedule: cosine has no gamma"),
        ("constant", {"end": 0.1}, "schedule: constant has no end"),
        ("cosine", {"end": 1.0}, r"end: expected a share in \[0, 1\)"),
        ("polynomial", {"power": 0.0}, "power: expected a number above 0"),
        ("step", {"gamma": 0.0}, r"gamma: expected a factor in \(0, 1\]"),
        ("step", {"milestones": [2.5]}, "milestones: expected whole steps, or shares in"),
        ("step", {"milestones": [5, 0.5]}, r"milestones: expected rising steps, got \[5, 5\]"),
        ("step", {"milestones": 5}, "milestones: expected numbers, got 5"),
        ("step", {"milestones": ["x"]}, "milestones: expected numbers"),
    ],
)
def test_wrong_schedules(kind: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        rates(kind, 1, **{"total_steps": 10} | options)
