"""The usual ways that training is measured against compute what facewise computes."""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

import pytest
import torch
from bench.children import Child
from bench.contest import UnavailableError
from bench.plain_losses import OneHotArcFace
from torch.nn import functional

from bench import triplets
from facewise.training.losses import build_loss


def test_the_plain_formula_is_arcface() -> None:
    torch.manual_seed(0)
    plain = OneHotArcFace(7, 5)
    ours = build_loss("arcface", num_classes=7, embedding_size=5)
    [weight], [own] = plain.parameters(), ours.parameters()
    weight.data.normal_()
    own.data.copy_(weight)
    vectors, labels = torch.randn(9, 5, requires_grad=True), torch.randint(7, (9,))
    expected, found = plain(vectors, labels), ours(vectors, labels)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    [slope] = torch.autograd.grad(expected, vectors)
    torch.testing.assert_close(torch.autograd.grad(found, vectors)[0], slope, rtol=1e-4, atol=1e-4)


def test_semi_hard_triplets_are_counted() -> None:
    torch.manual_seed(1)
    vectors = functional.normalize(torch.randn(12, 3))
    labels = torch.arange(12) % 4

    def distance(a: int, b: int) -> float:
        return float((vectors[a] - vectors[b]).square().sum())

    expected = sum(
        labels[a] == labels[p]
        and labels[a] != labels[n]
        # the order of all three matters: anchor, positive, negative
        and 0 < distance(a, n) - distance(a, p) < triplets._MARGIN
        for a, p, n in itertools.permutations(range(12), 3)
    )
    assert expected > 0
    assert triplets._semi_hard((vectors, labels)) == expected


def test_violating_triplets_are_counted() -> None:
    anchor = torch.tensor([1.0, 0.0])
    near, far = torch.tensor([0.96, 0.28]), torch.tensor([0.0, 1.0])
    batch = torch.stack([anchor, near, far, anchor, far, near, anchor, near, near])
    assert triplets._violating((batch, torch.arange(9))) == 2


def counting(start: int):
    yield from range(start, start + 2)
    raise ValueError("out of numbers")


def dying():
    os._exit(3)
    yield


@pytest.fixture(autouse=True)
def findable(monkeypatch: pytest.MonkeyPatch) -> None:
    """This file can be imported by a child, as `test_train`."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    sys.modules.setdefault("test_train", sys.modules[__name__])
    for work in (counting, dying):
        monkeypatch.setattr(work, "__module__", "test_train")


def test_a_child_answers_and_says_why_it_cannot() -> None:
    with Child(counting, 5) as child:
        assert [child.ask(), child.ask()] == [5, 6]
        with pytest.raises(UnavailableError, match="ValueError: out of numbers"):
            child.ask()


def test_a_child_that_dies_is_no_end_of_the_bench() -> None:
    with Child(dying) as child, pytest.raises(UnavailableError, match="its process ended"):
        child.ask()
