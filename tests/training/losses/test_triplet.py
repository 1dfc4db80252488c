from __future__ import annotations

import numpy as np
import pytest
import torch

from facewise.training.losses import TripletLoss

LABELS = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3])
MARGIN = 0.3


def mined(distances, mining):
    """The triplets of the definition, one by one."""
    n = len(LABELS)
    for a in range(n):
        positives = [p for p in range(n) if p != a and LABELS[p] == LABELS[a]]
        negatives = [q for q in range(n) if LABELS[q] != LABELS[a]]
        if mining == "easy-positive":
            if not positives:
                continue
            p = min(positives, key=lambda p: distances[a, p])
            farther = [q for q in negatives if distances[a, q] > distances[a, p]]
            if farther:
                yield a, p, min(farther, key=lambda q: distances[a, q])
            continue
        for p in positives:
            for q in negatives:
                gap = distances[a, q] - distances[a, p]
                wanted = {"semi-hard": 0 < gap < MARGIN, "hard": gap <= 0, "all": gap < MARGIN}
                if wanted[mining]:
                    yield a, p, q


def reference(embeddings, triplets):
    """The mean of what violates the margin."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    losses = [
        ((unit[a] - unit[p]) ** 2).sum() - ((unit[a] - unit[q]) ** 2).sum() + MARGIN
        for a, p, q in triplets
    ]
    violating = [loss for loss in losses if loss > 0]
    return sum(violating) / len(violating)


@pytest.mark.parametrize("mining", ["semi-hard", "hard", "all", "easy-positive"])
def test_value_and_gradient_are_those_of_the_definition(mining, rng):
    embeddings = rng.normal(size=(10, 4)) + 0.7 * np.eye(4)[LABELS]
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    distances = ((unit[:, None] - unit[None]) ** 2).sum(axis=2)
    triplets = list(mined(distances, mining))
    assert len(triplets) > 3
    loss = TripletLoss(4, margin=MARGIN, mining=mining)
    assert loss.needs_pairs
    vectors = torch.from_numpy(embeddings).requires_grad_()
    value = loss(vectors, torch.from_numpy(LABELS))
    value.backward()
    assert value.item() == pytest.approx(reference(embeddings, triplets), rel=1e-9)
    slopes = np.zeros_like(embeddings)
    for place in np.ndindex(embeddings.shape):
        for sign in (1, -1):
            moved = embeddings.copy()
            moved[place] += sign * 1e-6
            slopes[place] += sign * reference(moved, triplets) / 2e-6
    np.testing.assert_allclose(vectors.grad, slopes, atol=1e-7)


@pytest.mark.oracle
@pytest.mark.parametrize("mining", ["semi-hard", "hard", "all", "easy-positive"])
def test_equals_pytorch_metric_learning(mining, rng):
    library = pytest.importorskip("pytorch_metric_learning")
    miners = pytest.importorskip("pytorch_metric_learning.miners")
    distance = library.distances.LpDistance(power=2)
    if mining == "easy-positive":
        miner = miners.BatchEasyHardMiner("easy", "semihard", distance=distance)
    else:
        miner = miners.TripletMarginMiner(MARGIN, mining.replace("-", ""), distance=distance)
    hinge = library.losses.TripletMarginLoss(MARGIN, distance=distance)
    ours = torch.from_numpy(rng.normal(size=(40, 8))).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    labels = torch.arange(40) % 9
    value = TripletLoss(8, margin=MARGIN, mining=mining)(ours, labels)
    expected = hinge(theirs, labels, miner(theirs, labels))
    assert value.item() == pytest.approx(expected.item(), rel=1e-9)
    value.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("mining", ["semi-hard", "hard", "all", "easy-positive"])
@pytest.mark.parametrize("labels", [[0, 0, 1, 1], [0, 0, 0, 0], [0, 1, 2, 3]])
def test_nothing_to_mine_is_zero_with_a_gradient(mining, labels):
    # Where there are two people, they are as far apart as can be.
    vectors = torch.tensor([[1.0, 0], [1, 0], [-1, 0], [-1, 0]], requires_grad=True)
    value = TripletLoss(2, mining=mining)(vectors, torch.tensor(labels))
    value.backward()
    assert value.item() == 0
    assert (vectors.grad == 0).all()


def test_equal_pictures_have_a_finite_gradient():
    vectors = torch.ones(4, 3, requires_grad=True)
    TripletLoss(3, mining="all")(vectors, torch.tensor([0, 0, 1, 1])).backward()
    assert torch.isfinite(vectors.grad).all()
