"""Begin the weights of classes with what a pretrained model makes of the people."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import torch

from facewise.errors import ChipError, ImageError
from facewise.runtime.workers import ordered_map

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from facewise.embedding import Embedder
    from facewise.training.data.dataset import ChipDataset

EACH = 5
"""Pictures of a person that are looked at, at most: the first ones."""

_BATCH = 64


def directions_of(
    dataset: ChipDataset, embedder: Embedder, report: Callable[[int, int], None] | None = None
) -> torch.Tensor:
    """The mean vector of each person of a training set.

    Weights that are drawn by chance first push a trained backbone away from what it knows; from
    these it goes on (Qi et al. 2018, "Low-Shot Learning with Imprinted Weights").

    Args:
        dataset: what is to be learnt; chips are taken as they are, without augmentation.
        embedder: the pretrained model.
        report: called with the number of pictures that are done, and of all that are looked at;
            what it raises comes out.

    Returns:
        float32 (people, d), of unit length; NaN for people none of whose first `EACH` pictures can
        be used.
    """
    labels = dataset.index.labels
    order = np.argsort(labels, kind="stable")
    _, first, counts = np.unique(labels[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(first, counts)
    chosen = order[place < EACH]
    sums = np.zeros((dataset.index.num_classes, embedder.spec.embedding_size or 0), np.float64)
    done = 0
    parts = [chosen[start : start + _BATCH] for start in range(0, len(chosen), _BATCH)]
    with closing(ordered_map(lambda some: _chips(dataset, some), parts)) as found:
        for part, chips in zip(parts, found, strict=True):
            if chips:
                vectors = embedder.embed(np.stack(list(chips.values())), flip=embedder.flip)
                np.add.at(sums, labels[list(chips)], vectors)
            done += len(part)
            if report is not None:
                report(done, len(chosen))
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        means = np.where(lengths > 0, sums / lengths, np.nan)
    return torch.from_numpy(means.astype(np.float32))


def _chips(dataset: ChipDataset, numbers: NDArray[np.intp]) -> dict[int, NDArray[np.uint8]]:
    found: dict[int, NDArray[np.uint8]] = {}
    for number in numbers.tolist():
        try:
            found[number] = dataset.chip(number)
        except (ImageError, ChipError):
            continue  # learning will name it
    return found
