from __future__ import annotations

import numpy as np
import pytest
import torch

from facewise.errors import TrainingError
from facewise.training.losses import OfflineTripletLoss


@pytest.mark.parametrize("keep", ["all", "semi-hard", "hard"])
def test_equals_the_formula(keep, rng):
    embeddings = rng.normal(size=(30, 4))
    labels = torch.tensor([0, 0, 1] * 10)
    losses = []
    for a, p, n in (embeddings / np.linalg.norm(embeddings, axis=1)[:, None]).reshape(-1, 3, 4):
        near, far = ((a - p) ** 2).sum(), ((a - n) ** 2).sum()
        wanted = {"all": True, "semi-hard": far > near, "hard": far <= near}[keep]
        if wanted and near - far + 0.6 > 0:
            losses.append(near - far + 0.6)
    assert 0 < len(losses) < 10
    loss = OfflineTripletLoss(4, margin=0.6, keep=keep)
    vectors = torch.from_numpy(embeddings).requires_grad_()
    assert loss(vectors, labels).item() == pytest.approx(np.mean(losses), rel=1e-12)
    assert torch.autograd.gradcheck(lambda v: loss(v, labels), (vectors,))


def test_nothing_to_learn_is_zero_with_a_gradient():
    vectors = torch.tensor([[1.0, 0], [1, 0], [-1, 0]], requires_grad=True)
    value = OfflineTripletLoss(2)(vectors, torch.tensor([4, 4, 7]))
    value.backward()
    assert value.item() == 0
    assert (vectors.grad == 0).all()


@pytest.mark.parametrize(
    ("labels", "message"),
    [([0, 0, 1, 1], "expected triplets, got 4 pictures"), ([0, 1, 1], "in turn, got other labels")],
)
def test_other_batches_are_refused(labels, message):
    with pytest.raises(TrainingError, match=message):
        OfflineTripletLoss(2)(torch.ones(len(labels), 2), torch.tensor(labels))
