"""The training loop: values recomputed by hand, and the predecessor's beside them."""

from __future__ import annotations

import time

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from facewise.compat.facenet_pytorch import training


@pytest.fixture
def loader():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(10, 4, generator=generator)
    return DataLoader(TensorDataset(x, torch.arange(10) % 3), batch_size=4)


def model():
    torch.manual_seed(1)
    return nn.Linear(4, 3)


class Writer:
    def __init__(self, interval=1):
        self.iteration, self.interval, self.calls = 0, interval, []

    def add_scalars(self, tag, values, step=None):
        self.calls.append((tag, {key: float(value) for key, value in values.items()}, step))


def test_accuracy():
    logits = torch.tensor([[1.0, 2.0, 0.0], [3.0, 2.0, 0.0], [0.0, 1.0, 2.0], [5.0, 6.0, 7.0]])
    assert training.accuracy(logits, torch.tensor([1, 0, 0, 2])) == 0.75


def test_collate_pil():
    assert training.collate_pil([("a", 1), ("b", 2)]) == (["a", "b"], [1, 2])
    assert training.collate_pil([]) == ([], [])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, 16.0),  # samples a second
        ({"per_sample": False}, 2.0),
        ({"rate": False}, 0.0625),
        ({"rate": False, "per_sample": False}, 0.5),
    ],
)
def test_batch_timer(arguments, expected, monkeypatch):
    ticks = iter([10.0, 10.5, 11.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks))
    timer = training.BatchTimer(**arguments)
    batch = torch.zeros(8, 2)
    assert timer(batch, batch) == expected
    assert timer(batch, batch) == expected


def test_logger(capsys):
    log = training.Logger("Train", length=2, calculate_mean=True)
    log(torch.tensor(3.0), {"acc": torch.tensor(0.5), "fps": 4.0}, 0)
    first = "\rTrain |     1/2    | loss:    3.0000 | acc:    0.5000 | fps:    4.0000   "
    assert capsys.readouterr().out == first
    log(torch.tensor(5.0), {}, 1)
    assert capsys.readouterr().out == "\rTrain |     2/2    | loss:    2.5000 |    \n"


def test_evaluation(loader, capsys):
    network = model().eval()
    before = network.weight.clone()
    metrics = {"accuracy": training.accuracy}
    loss, values = training.pass_epoch(network, cross_entropy, loader, batch_metrics=metrics)
    with torch.no_grad():
        batches = [(network(x), y) for x, y in loader]
    torch.testing.assert_close(loss, sum(cross_entropy(p, y) for p, y in batches) / 3)
    torch.testing.assert_close(
        values["accuracy"], sum(training.accuracy(p, y) for p, y in batches) / 3
    )
    assert torch.equal(network.weight, before)
    assert capsys.readouterr().out.startswith("\rValid |     1/3    | loss: ")


def test_training(loader):
    network, by_hand = model().train(), model()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    loss, _ = training.pass_epoch(network, cross_entropy, loader, optimizer, scheduler)
    losses = []
    for x, y in loader:
        by_hand.zero_grad()
        batch_loss = cross_entropy(by_hand(x), y)
        batch_loss.backward()
        with torch.no_grad():
            for parameter in by_hand.parameters():
                parameter -= 0.1 * parameter.grad
        losses.append(batch_loss.detach())
    torch.testing.assert_close(loss, sum(losses) / 3)
    torch.testing.assert_close(network.weight, by_hand.weight)
    assert not loss.requires_grad
    assert scheduler.get_last_lr() == [0.05]


def test_writer(loader):
    network, writer = model().train(), Writer(interval=2)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    arguments = {"batch_metrics": {"accuracy": training.accuracy}, "writer": writer}
    training.pass_epoch(network, cross_entropy, loader, optimizer, **arguments)
    assert [(tag, step) for tag, _, step in writer.calls] == [
        ("loss", 0),
        ("accuracy", 0),
        ("loss", 2),
        ("accuracy", 2),
    ]
    assert writer.iteration == 3

    writer.calls.clear()
    loss, metrics = training.pass_epoch(network.eval(), cross_entropy, loader, **arguments)
    # The predecessor gave the metrics of an evaluation no step.
    assert writer.calls == [
        ("loss", {"Valid": float(loss)}, 3),
        ("accuracy", {"Valid": float(metrics["accuracy"])}, 3),
    ]


def test_default_timer_is_not_shared(loader, monkeypatch):
    # The predecessor's was made once, at import: its first rate counted from there.
    monkeypatch.setattr(time, "perf_counter", iter(range(100)).__next__)
    for _ in range(2):
        _, metrics = training.pass_epoch(model().eval(), cross_entropy, loader)
        torch.testing.assert_close(metrics["time"], torch.tensor((4 + 4 + 2) / 3))


def test_mistakes_are_named(loader):
    with pytest.raises(ValueError, match="optimizer: a model in training mode needs one"):
        training.pass_epoch(model().train(), cross_entropy, loader)
    with pytest.raises(ValueError, match="loader: has no batches"):
        training.pass_epoch(model().eval(), cross_entropy, [])


@pytest.mark.oracle
@pytest.mark.parametrize("show_running", [True, False])
def test_epochs_equal_the_predecessor(oracle, loader, show_running, capsys, assert_same):
    results, texts, writers = [], [], []
    for package in (training, oracle.training):
        network, writer = model(), Writer()
        optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
        values = [
            package.pass_epoch(
                network.train(trains),
                cross_entropy,
                loader,
                optimizer if trains else None,
                batch_metrics={"accuracy": package.accuracy},
                show_running=show_running,
                writer=writer,
            )
            for trains in (True, False, True)
        ]
        results.append((values, network.weight.detach()))
        texts.append(capsys.readouterr().out)
        writers.append([call[:2] for call in writer.calls])
    assert_same(*results, atol=1e-6)
    assert texts[0] == texts[1]
    assert writers[0] == writers[1]
