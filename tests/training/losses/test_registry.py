from __future__ import annotations

import copy

import pytest
import torch

from facewise.errors import TrainingError
from facewise.training.losses import build_loss, loss_names, loss_options

CLASSES, SIZE = 6, 16


def built(name):
    torch.manual_seed(0)
    return build_loss(name, num_classes=CLASSES, embedding_size=SIZE)


def labels_for(name):
    return torch.tensor([0, 0, 1, 2, 2, 3, 4, 4, 5, 1, 1, 0] * 2)


def test_names():
    assert loss_names() == [
        "adaface", "arcface", "center", "combined", "cosface", "curricularface", "magface",
        "normface", "softmax", "sphereface", "subcenter-arcface", "triplet", "triplet-offline",
    ]  # fmt: skip


def test_options_are_those_of_the_class_and_its_bases():
    assert loss_options("cosface") == {
        "scale": 64.0,
        "focal": 0.0,
        "label_smoothing": 0.0,
        "sample_rate": 1.0,
        "seed": 0,
        "margin": 0.35,
    }
    assert loss_options("triplet-offline") == {"margin": 0.2, "keep": "all"}


@pytest.mark.parametrize("name", loss_names())
def test_gives_a_scalar_with_a_gradient(name):
    loss = built(name)
    vectors = torch.randn(24, SIZE).bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(vectors, labels_for(name))
    assert value.shape == ()
    assert value.dtype is torch.float32
    value.backward()
    assert torch.isfinite(vectors.grad).all()
    assert vectors.grad.abs().max() > 0
    assert loss.needs_pairs == (name == "triplet")


@pytest.mark.parametrize("name", loss_names())
def test_groups_hold_every_parameter_once(name):
    loss = built(name)
    grouped = [p for group in loss.parameter_groups().values() for p in group]
    assert {id(p) for p in grouped} == {id(p) for p in loss.parameters()}
    assert len(grouped) == len(list(loss.parameters()))
    assert set(loss.parameter_groups()) <= {"head", "centers"}


@pytest.mark.parametrize("name", loss_names())
def test_state_comes_back(name):
    loss, other = built(name), build_loss(name, num_classes=CLASSES, embedding_size=SIZE)
    vectors, labels = 10 * torch.randn(24, SIZE), labels_for(name)
    loss(vectors, labels)
    assert all(isinstance(value, torch.Tensor) for value in loss.state_dict().values())
    other.load_state_dict(copy.deepcopy(loss.state_dict()))
    assert loss(vectors, labels).item() == other(vectors, labels).item()


@pytest.mark.parametrize("name", loss_names())
def test_teaches_a_layer_to_tell_people_apart(name):
    loss = built(name)
    torch.manual_seed(1)
    centers = torch.randn(CLASSES, 20)
    layer = torch.nn.Linear(20, SIZE)
    optimizer = torch.optim.Adam([*layer.parameters(), *loss.parameters()], lr=0.01)
    labels = labels_for(name)

    def separation():
        unit = torch.nn.functional.normalize(layer(centers))
        return (unit @ unit.T - torch.eye(CLASSES)).max().item()

    before = separation()
    for _ in range(100):
        value = loss(10 * layer(centers[labels] + 0.5 * torch.randn(24, 20)), labels)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    assert separation() < before - 0.1


@pytest.mark.parametrize("name", loss_names())
def test_refuses_batches_that_do_not_fit(name):
    loss = built(name)
    good = labels_for(name)
    with pytest.raises(
        TrainingError, match=r"embeddings: expected shape \(n, 16\) with n > 0, got"
    ):
        loss(torch.ones(24, 15), good)
    with pytest.raises(TrainingError, match=r"got \(0, 16\)"):
        loss(torch.ones(0, SIZE), good[:0])
    with pytest.raises(TrainingError, match=r"labels: expected int64 \(24,\), got torch.int32"):
        loss(torch.ones(24, SIZE), good.int())
    if "triplet" not in name:
        with pytest.raises(TrainingError, match="labels: expected 0 to 5, got 6"):
            loss(torch.ones(24, SIZE), good + 1)


def test_unknown_names_and_options():
    with pytest.raises(TrainingError, match=r"'arcfase'; did you mean 'arcface'\?"):
        build_loss("arcfase", num_classes=5, embedding_size=8)
    with pytest.raises(TrainingError, match="cosface: no option 'margn'; it has focal, "):
        build_loss("cosface", num_classes=5, embedding_size=8, margn=1)
    with pytest.raises(TrainingError, match="mining: expected one of semi-hard, hard"):
        build_loss("triplet", num_classes=5, embedding_size=8, mining="semihard")
    with pytest.raises(TrainingError, match="num_classes: expected at least 2, got 1"):
        build_loss("arcface", num_classes=1, embedding_size=8)
