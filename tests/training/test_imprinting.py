"""Weights of classes that begin with the people as a pretrained model sees them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from facewise.errors import ImageError
from facewise.training.imprinting import EACH, directions_of
from facewise.training.losses import build_loss


class Vectors:
    """Embeds a chip as the two numbers that it holds."""

    spec = SimpleNamespace(embedding_size=2)
    flip = False

    def embed(self, chips: np.ndarray, flip: bool) -> np.ndarray:
        assert flip is self.flip
        return chips.astype(np.float32)


class Chips:
    """Chips of two numbers, of which some cannot be read."""

    def __init__(self, chips: Any, labels: Any, bad: tuple[int, ...] = ()) -> None:
        self._chips, self._bad = np.asarray(chips, np.float32), bad
        labels = np.asarray(labels)
        self.index = SimpleNamespace(labels=labels, num_classes=int(labels.max()) + 1)
        self.seen: list[int] = []

    def chip(self, number: int) -> np.ndarray:
        self.seen.append(number)
        if number in self._bad:
            raise ImageError("bad")
        return self._chips[number]


def test_directions_are_means_of_a_few_pictures() -> None:
    labels = [1, 0, 1, 2] + [0] * EACH
    chips = [[1, 0], [0, 1], [0, 1], [1, 0]] + [[0, 1]] * (EACH - 1) + [[1, 0]]
    data = Chips(chips, labels, bad=(3,))
    done: list[tuple[int, int]] = []
    embedder: Any = Vectors()
    found = directions_of(data, embedder, lambda *each: done.append(each)).numpy()  # type: ignore[arg-type]
    np.testing.assert_allclose(found[:2], [[0, 1], [0.5**0.5, 0.5**0.5]], atol=1e-6)
    assert np.isnan(found[2]).all()
    assert sorted(data.seen) == list(range(len(labels) - 1))  # the last is one too many
    assert done[-1] == (len(data.seen), len(data.seen))


@pytest.mark.parametrize("name", ["arcface", "normface", "subcenter-arcface"])
@pytest.mark.parametrize("options", [{}, {"sample_rate": 0.5}])
def test_losses_begin_with_them(name: str, options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    loss = build_loss(name, num_classes=4, embedding_size=64, **options)
    assert loss.can_begin_with_people
    before = loss.class_weights.weight.detach().clone()  # type: ignore[union-attr]
    directions = torch.nn.functional.normalize(torch.randn(4, 64))
    directions[2] = torch.nan
    loss.begin_with(directions)
    after = loss.class_weights.weight.detach()  # type: ignore[union-attr]
    assert torch.equal(after[2], before[2])
    for who in (0, 1, 3):
        cosine = torch.nn.functional.cosine_similarity(after[who], directions[who], dim=-1)
        assert (cosine > 0.97).all()
    if name == "subcenter-arcface":
        assert not torch.equal(after[0, 0], after[0, 1])


@pytest.mark.parametrize("known", [0, 1])
def test_few_may_be_known(known: int) -> None:
    loss = build_loss("subcenter-arcface", num_classes=3, embedding_size=8)
    directions = torch.full((3, 8), torch.nan)
    directions[:known, 0] = 1
    directions[:known, 1:] = 0
    loss.begin_with(directions)
    assert torch.isfinite(loss.class_weights.weight).all()  # type: ignore[union-attr]


def test_others_leave_it() -> None:
    loss = build_loss("triplet", num_classes=4, embedding_size=8)
    assert not loss.can_begin_with_people
    loss.begin_with(torch.zeros(4, 8))
