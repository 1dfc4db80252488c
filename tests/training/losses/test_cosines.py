from __future__ import annotations

import numpy as np
import torch

from facewise.training.losses.cosines import cosines, unit_rows


def test_values(rng):
    unit, weight = rng.normal(size=(3, 4)), rng.normal(size=(5, 4)) * 7
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    expected = [[u @ w / np.sqrt(w @ w) for w in weight] for u in unit]
    found = cosines(torch.from_numpy(unit), torch.from_numpy(weight))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_gradient(rng):
    unit = torch.from_numpy(rng.normal(size=(3, 4))).requires_grad_()
    weight = torch.from_numpy(rng.normal(size=(5, 4))).requires_grad_()
    assert torch.autograd.gradcheck(cosines, (unit, weight))
    assert torch.autograd.gradcheck(cosines, (unit, weight.detach()))
    assert torch.autograd.gradcheck(lambda v: unit_rows(v, v.norm(dim=1)), (unit,))


def test_a_zero_row_has_cosine_zero_and_no_gradient():
    weight = torch.zeros(2, 3, requires_grad=True)
    found = cosines(torch.eye(3), weight)
    assert (found == 0).all()
    found.sum().backward()
    assert (weight.grad == 0).all()
