"""What the processes of one training tell each other."""

from __future__ import annotations

import os
import sys
from typing import Any

import torch
from torch import Tensor, distributed, nn


def world() -> tuple[int, int]:
    """The number of this process and how many there are."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def end_together() -> None:
    """End this process, with status 0, when all others have come so far; one alone goes on.

    Not by way of Python's end: there PyTorch (2.14, gloo) now and then aborts the process, and the
    launcher takes a run that is finished for one that failed.
    """
    if world()[1] == 1:
        return
    distributed.barrier()
    distributed.destroy_process_group()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)


def gathered(embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The embeddings and labels of the global batch, in the order of the processes.

    Each process then computes the loss of the whole batch, as one process would: the means,
    triplets and running statistics are those of all pictures. The gradient flows into the own
    embeddings only, times the number of processes, because `DistributedDataParallel` takes the
    mean of their gradients where the sum is meant.

    Args:
        embeddings: float32 (n, d) of this process, with gradient; n may differ between them.
        labels: int64 (n,).

    Returns:
        float32 (m, d) and int64 (m,), m being the sum of all n.
    """
    rank, count = world()
    if count == 1:
        return embeddings, labels
    lengths = [torch.zeros(1, dtype=torch.int64, device=labels.device) for _ in range(count)]
    distributed.all_gather(lengths, labels.new_tensor([len(labels)]))
    sizes = [int(length) for length in lengths]
    everyone = _all(embeddings.detach(), sizes)
    everyone[rank] = _Scaled.apply(embeddings, count)
    return torch.cat(everyone), torch.cat(_all(labels, sizes))


def _all(values: Tensor, sizes: list[int]) -> list[Tensor]:
    """The tensors of all processes; they travel with equal lengths."""
    padded = values.new_zeros(max(sizes), *values.shape[1:])
    padded[: len(values)] = values
    received = [torch.empty_like(padded) for _ in sizes]
    distributed.all_gather(received, padded)
    return [each[:size] for each, size in zip(received, sizes, strict=True)]


class _Scaled(torch.autograd.Function):
    """The same values; the gradient is multiplied."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, factor: int) -> Tensor:
        ctx.factor = factor
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.factor, None


def highest(value: float, device: torch.device) -> float:
    """The highest of the numbers that the processes have: a wish that one has is everybody's."""
    if world()[1] == 1:
        return value
    number = torch.tensor(value, dtype=torch.float64, device=device)
    distributed.all_reduce(number, distributed.ReduceOp.MAX)
    return number.item()


def made_equal(module: nn.Module) -> None:
    """Give all processes the parameters and buffers that the first one has.

    They are computed from the same numbers, but on a GPU sums may be taken in another order.
    """
    if world()[1] == 1:
        return
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            distributed.broadcast(tensor, 0)


def of_every_process(value: Any) -> list[Any]:
    """The objects that the processes have, in their order."""
    count = world()[1]
    if count == 1:
        return [value]
    found: list[Any] = [None] * count
    distributed.all_gather_object(found, value)
    return found
