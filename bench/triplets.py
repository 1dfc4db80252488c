"""Triplets mined in batches of P people with K pictures, beside triplets of a list."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from bench.contest import Contender, Timed
from bench.hold import hold
from bench.record import Group, Record
from facewise.embedding.embedder import normalised
from facewise.training.backbones import build_backbone
from facewise.training.data.dataset import ChipDataset
from facewise.training.data.index import at_least, read_folder
from facewise.training.data.samplers import build_sampler
from facewise.training.losses import build_loss, draw_triplets

_LIST = "triplets of a list"
_MINED = "mined in the batch"
_MARGIN = 0.2
_EACH = 4

Pictures = NDArray[np.intp]


def hold_triplets(arguments: argparse.Namespace, record: Record) -> None:
    """Time steps on as many chips, by new and trained weights, and count what teaches."""
    size = 12 if arguments.quick else 96
    index = at_least(read_folder(arguments.shared / "data/lfw-aligned-112"), 2)
    weights = arguments.shared / "weights/mobilefacenet-ms1m-128d.pt"
    sampler = build_sampler("pk", index.labels, batch_size=size, k=_EACH, seed=0, rank=0, world=1)
    mined = [np.array(batch, np.intp) for batch in islice(sampler, arguments.rounds)]
    drawn = draw_triplets(index.labels, size // 3 * arguments.rounds).pictures
    listed = np.split(drawn.astype(np.intp), arguments.rounds)
    starts: Mapping[str, Path | None] = {"new weights": None, "trained weights": weights}
    for start, file in starts.items():
        group = Group(
            f"Triplets: a step of MobileFaceNet with {start}, {size} chips",
            unit="image",
            reference=_LIST,
            columns=["useful", "useful_per_second"],
            notes=[
                f"Useful: triplets that violate the margin of {_MARGIN}, and so have a gradient.",
                "Of those in the batch only the semi-hard ones count.",
            ],
        )
        contenders, judge = [], Useful()
        for name, loss, batches in (
            (_LIST, "triplet-offline", listed),
            (_MINED, "triplet", mined),
        ):
            network, spec = build_backbone("mobilefacenet", pretrained=file)
            data = ChipDataset(index, spec, aligned=True)
            step = partial(
                _step,
                network,
                build_loss(loss, num_classes=index.num_classes, embedding_size=128, margin=_MARGIN),
            )
            contenders.append(
                Contender(
                    name,
                    "",
                    name,
                    step,
                    prepare=partial(_loaded, data, spec, batches, index.labels),
                    finish=_semi_hard if name == _MINED else _violating,
                )
            )
        hold(group, contenders, [[i] * size for i in range(arguments.rounds)], record, judge)


class Useful:
    """A judge that counts the triplets with a gradient."""

    def __init__(self) -> None:
        self._counts: dict[str, list[float]] = {}
        self._rates: dict[str, list[float]] = {}

    def see(self, timed: Timed) -> None:
        name, seconds = timed.contender.name, timed.seconds * len(timed.items)
        self._counts.setdefault(name, []).append(timed.output)
        self._rates.setdefault(name, []).append(timed.output / seconds)

    def extras(self, name: str) -> Mapping[str, float | None]:
        return {
            "useful": float(np.mean(self._counts[name])),
            "useful_per_second": float(np.mean(self._rates[name])),
        }


def _loaded(
    data: ChipDataset, spec: Any, batches: list[Pictures], labels: NDArray[np.int64], items: Any
) -> tuple[Tensor, Tensor]:
    batch = batches[items[0]]
    chips = np.stack([data.chip(int(i)) for i in batch])
    return normalised(chips, spec, torch.device("cpu")), torch.from_numpy(labels[batch])


def _step(
    network: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], given: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Forward and backward; no step of an optimiser, so that all rounds see the same weights."""
    network.train()
    inputs, labels = given
    vectors = network(inputs)
    loss(vectors, labels).backward()
    network.zero_grad()
    return functional.normalize(vectors.detach()), labels


def _violating(output: tuple[Tensor, Tensor]) -> int:
    anchor, positive, negative = output[0].view(-1, 3, output[0].shape[1]).unbind(1)
    gap = (anchor - negative).square().sum(1) - (anchor - positive).square().sum(1)
    return int((gap < _MARGIN).sum())


def _semi_hard(output: tuple[Tensor, Tensor]) -> int:
    vectors, labels = output
    distances = torch.cdist(vectors, vectors).square()
    same = labels[:, None] == labels
    gap = distances[:, None, :] - distances[:, :, None]  # anchor, positive, negative
    triplets = (same & ~torch.eye(len(labels), dtype=torch.bool))[:, :, None] & ~same[:, None, :]
    return int((triplets & (gap > 0) & (gap < _MARGIN)).sum())
