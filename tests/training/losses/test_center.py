from __future__ import annotations

import numpy as np
import pytest
import torch

from facewise.training.losses import build_loss

LABELS = np.array([0, 0, 0, 2])


def prepared(rng, weight=0.003):
    loss = build_loss("center", num_classes=4, embedding_size=3, weight=weight).double()
    centers = rng.normal(size=(4, 3))
    loss.centers.data = torch.from_numpy(centers.copy())
    return loss, centers, rng.normal(size=(4, 3))


def test_adds_the_pull_to_the_cross_entropy(rng):
    loss, centers, embeddings = prepared(rng, weight=0.3)
    softmax = build_loss("softmax", num_classes=4, embedding_size=3).double()
    softmax.classifier.load_state_dict(loss.classifier.state_dict())
    vectors, labels = torch.from_numpy(embeddings), torch.from_numpy(LABELS)
    pull = 0.3 / 2 * np.mean(((embeddings - centers[LABELS]) ** 2).sum(axis=1))
    expected = softmax(vectors, labels).item() + pull
    assert loss(vectors, labels).item() == pytest.approx(expected, rel=1e-12)
    assert torch.autograd.gradcheck(lambda v: loss(v, labels), (vectors.requires_grad_(),))


@pytest.mark.parametrize("weight", [0.003, 1.0])
def test_a_step_moves_the_centers_as_in_the_paper(rng, weight):
    loss, centers, embeddings = prepared(rng, weight)
    groups = loss.parameter_groups()
    assert groups["centers"] == [loss.centers]
    assert len(groups["head"]) == 2
    optimizer = torch.optim.SGD(groups["centers"], lr=0.5)
    loss(torch.from_numpy(embeddings), torch.from_numpy(LABELS)).backward()
    optimizer.step()
    expected = centers.copy()
    expected[0] -= 0.5 * sum(centers[0] - x for x in embeddings[:3]) / (1 + 3)
    expected[2] -= 0.5 * (centers[2] - embeddings[3]) / (1 + 1)
    np.testing.assert_allclose(loss.centers.detach(), expected, rtol=1e-12)


def test_a_scaled_loss_has_scaled_gradients(rng):
    """As the scaler of float16 needs it."""
    loss, _, embeddings = prepared(rng)
    gradients = []
    for scale in (1.0, 1024.0):
        loss.zero_grad()
        (loss(torch.from_numpy(embeddings), torch.from_numpy(LABELS)) * scale).backward()
        gradients.append(loss.centers.grad / scale)
    torch.testing.assert_close(gradients[0], gradients[1])
