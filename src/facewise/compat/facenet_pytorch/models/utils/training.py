"""The predecessor's training loop of one epoch, and what it is called with."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import torch
from torch import nn

if TYPE_CHECKING:
    Metric: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

_X = TypeVar("_X")
_Y = TypeVar("_Y")


class Writer(Protocol):
    """A TensorBoard `SummaryWriter` that was given two more attributes.

    Attributes:
        iteration: training batches seen so far; counted up by `pass_epoch`.
        interval: every how many of them one is written.
    """

    iteration: int
    interval: int

    def add_scalars(
        self, main_tag: str, tag_scalar_dict: Mapping[str, Any], global_step: int | None = None
    ) -> None:
        """See TensorBoard."""
        ...


class _Scheduler(Protocol):
    def step(self) -> None: ...


class Logger:
    """One line on standard output that is written over by each batch.

    Args:
        mode: the word it begins with.
        length: batches in the epoch; the last of them ends the line.
        calculate_mean: what is logged are sums over the batches so far; show their means.
    """

    def __init__(self, mode: str, length: int, calculate_mean: bool = False) -> None:
        self.mode = mode
        self.length = length
        self.calculate_mean = calculate_mean

    def __call__(self, loss: Any, metrics: Mapping[str, Any], i: int) -> None:
        """Show the loss and the metrics at batch `i`, counted from zero."""
        parts = (i + 1) if self.calculate_mean else 1
        values = " | ".join(f"{name}: {value / parts:9.4f}" for name, value in metrics.items())
        end = "\n" if i + 1 == self.length else ""
        sys.stdout.write(
            f"\r{self.mode} | {i + 1:5d}/{self.length:<5d}| "
            f"loss: {loss / parts:9.4f} | {values}   {end}"
        )
        sys.stdout.flush()


class BatchTimer:
    """The time between two calls, in the form of a metric for `pass_epoch`.

    Args:
        rate: give calls a second instead of seconds a call.
        per_sample: count the samples of the batch instead of calls.
    """

    def __init__(self, rate: bool = True, per_sample: bool = True) -> None:
        self.rate = rate
        self.per_sample = per_sample
        self.start = time.perf_counter()

    def __call__(self, y_pred: torch.Tensor, y: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """The time since the last call, or since the timer was made; a scalar."""
        now = time.perf_counter()
        elapsed, self.start = now - self.start, now
        if self.per_sample:
            elapsed /= len(y_pred)
        return torch.tensor(1 / elapsed if self.rate else elapsed)


def accuracy(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The share of samples whose greatest logit is that of their class.

    Args:
        logits: (n, classes).
        y: class numbers, (n,).

    Returns:
        A scalar in [0, 1].
    """
    return (logits.argmax(dim=1) == y).float().mean()


def pass_epoch(
    model: nn.Module,
    loss_fn: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    loader: Any,
    optimizer: torch.optim.Optimizer | None = None,
    scheduler: _Scheduler | None = None,
    batch_metrics: Mapping[str, Metric] | None = None,
    show_running: bool = True,
    device: str | torch.device = "cpu",
    writer: Writer | None = None,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Train for one epoch if the model is in training mode, else evaluate it.

    Args:
        model: the network.
        loss_fn: predictions and targets to a scalar.
        loader: batches `(x, y)`, of a known number.
        optimizer: needed in training mode.
        scheduler: steps once at the end of a training epoch.
        batch_metrics: functions of predictions and targets that give a scalar, by name; by default
            `{"time": BatchTimer()}`.
        show_running: show means over the epoch so far instead of the values of the batch.
        device: where each batch is put.
        writer: is given the training values every `writer.interval` batches, and the means of an
            evaluation.

    Returns:
        The mean loss over the batches, and the mean of each metric; scalars on the CPU.

    Raises:
        ValueError: the loader is empty, or a model in training mode has no optimizer.
    """
    if model.training and optimizer is None:
        raise ValueError("optimizer: a model in training mode needs one (or call model.eval())")
    if batch_metrics is None:
        batch_metrics = {"time": BatchTimer()}
    mode = "Train" if model.training else "Valid"
    logger = Logger(mode, length=len(loader), calculate_mean=show_running)
    total = torch.zeros(())
    totals: dict[str, torch.Tensor] = {}
    batches = 0

    for x, y in loader:
        x, y = x.to(device), y.to(device)
        prediction = model(x)
        loss = loss_fn(prediction, y)
        if model.training and optimizer is not None:
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()
        loss = loss.detach().cpu()
        metrics = {
            name: metric(prediction, y).detach().cpu() for name, metric in batch_metrics.items()
        }
        total = total + loss
        totals = {name: totals.get(name, 0) + value for name, value in metrics.items()}
        if writer is not None and model.training:
            if writer.iteration % writer.interval == 0:
                _write(writer, mode, loss, metrics)
            writer.iteration += 1
        if show_running:
            logger(total, totals, batches)
        else:
            logger(loss, metrics, batches)
        batches += 1

    if not batches:
        raise ValueError("loader: has no batches")
    if model.training and scheduler is not None:
        scheduler.step()
    total = total / batches
    totals = {name: value / batches for name, value in totals.items()}
    if writer is not None and not model.training:
        _write(writer, mode, total, totals)
    return total, totals


def collate_pil(x: Iterable[tuple[_X, _Y]]) -> tuple[list[_X], list[_Y]]:
    """Pairs to a pair of lists: for a DataLoader of PIL images, which cannot be stacked."""
    pairs = list(x)
    return [first for first, _ in pairs], [second for _, second in pairs]


def _write(
    writer: Writer, mode: str, loss: torch.Tensor, metrics: Mapping[str, torch.Tensor]
) -> None:
    for name, value in {"loss": loss, **metrics}.items():
        writer.add_scalars(name, {mode: value}, writer.iteration)
