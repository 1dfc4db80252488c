from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from facewise.training.losses import build_loss
from facewise.training.losses.cross_entropy import cross_entropy


def by_hand(logits, targets, focal, smoothing):
    total = 0.0
    for row, target in zip(logits, targets, strict=True):
        chances = [math.exp(v) for v in row]
        chances = [c / sum(chances) for c in chances]
        right = -math.log(chances[target])
        entropy = (1 - smoothing) * right - smoothing * sum(map(math.log, chances)) / len(row)
        total += (1 - chances[target]) ** focal * entropy
    return total / len(targets)


@pytest.mark.parametrize("focal", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equals_the_formula(focal, smoothing, rng):
    logits, targets = rng.normal(size=(5, 7)) * 2, np.array([0, 3, 6, 6, 1])
    values = torch.from_numpy(logits).requires_grad_()

    def loss(values):
        return cross_entropy(
            values, torch.from_numpy(targets), focal=focal, label_smoothing=smoothing
        )

    assert loss(values).item() == pytest.approx(by_hand(logits, targets, focal, smoothing))
    assert torch.autograd.gradcheck(loss, (values,))


def test_a_sure_answer_has_a_finite_gradient():
    logits = torch.tensor([[200.0, 0.0]], requires_grad=True)
    cross_entropy(logits, torch.tensor([0]), focal=0.5).backward()
    assert (logits.grad == 0).all()


@pytest.mark.parametrize("name", ["softmax", "arcface", "center", "curricularface"])
def test_reaches_every_softmax(name):
    torch.manual_seed(0)
    vectors, labels = torch.randn(8, 4), torch.arange(8) % 3
    plain = build_loss(name, num_classes=3, embedding_size=4)
    focal = build_loss(name, num_classes=3, embedding_size=4, focal=2.0)
    smooth = build_loss(name, num_classes=3, embedding_size=4, label_smoothing=0.2)
    for loss in (focal, smooth):
        loss.load_state_dict(plain.state_dict())
    assert focal(vectors, labels) < plain(vectors, labels)
    assert smooth(vectors, labels) != plain(vectors, labels)
