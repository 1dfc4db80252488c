from __future__ import annotations

import math

import pytest
import torch

from facewise.training.losses import build_loss


def test_equals_the_formula(rng):
    loss = build_loss("softmax", num_classes=4, embedding_size=3).double()
    weight, bias = rng.normal(size=(4, 3)), rng.normal(size=4)
    loss.classifier.weight.data, loss.classifier.bias.data = map(torch.from_numpy, (weight, bias))
    embeddings, labels = rng.normal(size=(6, 3)), [0, 1, 2, 3, 0, 0]
    total = 0.0
    for x, y in zip(embeddings, labels, strict=True):
        logits = [w @ x + b for w, b in zip(weight, bias, strict=True)]
        total += math.log(sum(map(math.exp, logits))) - logits[y]
    vectors = torch.from_numpy(embeddings)
    assert loss(vectors, torch.tensor(labels)).item() == pytest.approx(total / 6, rel=1e-12)
    assert torch.autograd.gradcheck(
        lambda v: loss(v, torch.tensor(labels)), (vectors.requires_grad_(),)
    )
