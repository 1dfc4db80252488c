"""Thresholds of a model that nothing else was measured on: from the people it learnt."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import ChipError, ImageError, ProtocolError
from facewise.evaluation.thresholds import operating_points
from facewise.zoo import Threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.embedding import Embedder
    from facewise.training.data.dataset import ChipDataset

_PICTURES = 1_000
"""At most, spread over all: half a million pairs, which measure a rate of 1e-4."""

_BATCH = 64


def thresholds_of_training(dataset: ChipDataset, embedder: Embedder) -> tuple[Threshold, ...]:
    """Thresholds by false-accept rate, from pairs of different people of the training set.

    A model tells people it has learnt better apart than strangers, so with strangers the rates are
    higher; the thresholds say what they were measured on. A protocol with other people
    (`evaluate`) gives better ones.

    Args:
        dataset: what was learnt; chips are taken as they are, without augmentation.
        embedder: with the weights that were learnt.

    Returns:
        Those rates that so many pairs measure, which may be none: then a warning says why.
    """
    count = len(dataset)
    numbers = np.unique(np.linspace(0, count - 1, min(count, _PICTURES)).astype(np.intp))
    vectors = np.full((len(numbers), embedder.spec.embedding_size or 0), np.nan, np.float32)
    for start in range(0, len(numbers), _BATCH):
        chips: dict[int, NDArray[np.uint8]] = {}
        for place, number in enumerate(numbers[start : start + _BATCH].tolist(), start):
            try:
                chips[place] = dataset.chip(number)
            except (ImageError, ChipError):
                continue
        if chips:
            stacked = np.stack(list(chips.values()))
            vectors[list(chips)] = embedder.embed(stacked, flip=embedder.flip)
    index = dataset.index
    people = [index.names[label] for label in index.labels[numbers].tolist()]
    try:
        points = operating_points(vectors, people)
    except ProtocolError as error:
        warnings.warn(f"the model has no thresholds: {error}", RuntimeWarning, stacklevel=2)
        return ()
    where = f"{len(numbers):,} pictures of the people it was trained on; strangers are more alike"
    return tuple(Threshold(value, far, where) for far, value in points.thresholds.items())
