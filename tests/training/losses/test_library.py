"""Losses of pytorch-metric-learning behind our contract."""

from __future__ import annotations

import pytest
import torch

from facewise.errors import TrainingError
from facewise.training.losses import build_loss, loss_options
from facewise.training.losses.library import library_losses

pytest.importorskip("pytorch_metric_learning")

NEEDED = {
    "GenericPairLoss": None,  # the base of those on pairs
    "VICRegLoss": None,  # of two views, without labels
    "ManifoldLoss": None,  # of proxies that it draws itself
    "P2SGradLoss": {"descriptors_dim": 6},
    "RankedListLoss": {"margin": 0.4, "Tn": 1},
}


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
@pytest.mark.parametrize("name", [each for each in library_losses() if NEEDED.get(each, 1)])
def test_it_is_the_library_s_own(name: str) -> None:
    import pytorch_metric_learning.losses as library

    torch.manual_seed(0)
    options = NEEDED.get(name) or {}
    loss = build_loss(f"pml:{name}", num_classes=4, embedding_size=6, **options)
    sizes = {"num_classes": 4, "embedding_size": 6}
    if name == "P2SGradLoss":
        del sizes["embedding_size"]
    elif loss.needs_pairs:
        sizes = {}
    theirs = getattr(library, name)(**sizes, **options)
    theirs.load_state_dict(loss.loss.state_dict())
    vectors = torch.randn(12, 6, requires_grad=True)
    labels = torch.arange(12) % 4
    torch.manual_seed(1)  # some draw proxies
    found = loss(vectors, labels)
    torch.manual_seed(1)
    expected = theirs(vectors, labels)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    found.backward()
    assert vectors.grad is not None
    assert vectors.grad.abs().sum() > 0


def test_which_batches_they_need() -> None:
    def needs(name: str) -> bool:
        return build_loss(f"pml:{name}", num_classes=4, embedding_size=6).needs_pairs

    assert needs("ContrastiveLoss")
    assert needs("MarginLoss")
    assert not needs("ProxyAnchorLoss")


def test_it_computes_in_float32() -> None:
    loss = build_loss("pml:ContrastiveLoss", num_classes=3, embedding_size=6)
    vectors = torch.randn(6, 6).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        assert loss(vectors, torch.arange(6) % 3).dtype is torch.float32


def test_nothing_to_learn_from_gives_a_gradient_of_zero() -> None:
    loss = build_loss("pml:TripletMarginLoss", num_classes=3, embedding_size=6)
    vectors = torch.randn(3, 6, requires_grad=True)
    loss(vectors, torch.arange(3)).backward()
    assert vectors.grad is not None
    assert not vectors.grad.any()


def test_options() -> None:
    assert loss_options("pml:TripletMarginLoss")["margin"] == 0.05
    loss = build_loss("pml:TripletMarginLoss", num_classes=3, embedding_size=6, margin=0.3)
    assert loss.loss.margin == 0.3
    with pytest.raises(TrainingError, match="no option 'marjin'"):
        build_loss("pml:TripletMarginLoss", num_classes=3, embedding_size=6, marjin=1)
    with pytest.raises(TrainingError, match=r"pml:NoLoss: there is none; .*ArcFaceLoss"):
        build_loss("pml:NoLoss", num_classes=3, embedding_size=6)
    with pytest.raises(TrainingError, match=r"pml:RankedListLoss: .*Tn"):
        build_loss("pml:RankedListLoss", num_classes=3, embedding_size=6)


def test_one_that_needs_more_than_labels_says_so() -> None:
    loss = build_loss("pml:VICRegLoss", num_classes=3, embedding_size=6)
    with pytest.raises(TrainingError, match="pml:VICRegLoss"):
        loss(torch.randn(6, 6), torch.arange(6) % 3)
