"""Batches of triplets from a list that was drawn beforehand, for `OfflineTripletLoss`."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import TrainingError
from facewise.training.data.samplers import BatchSampler
from facewise.training.losses import TripletList, draw_triplets, load_triplets

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class TripletSampler(BatchSampler):
    """All triplets once in an epoch, in another order each time; the last batch is filled up.

    Args:
        labels: int64 (n,), whom each picture shows.
        triplets: the list.
        batch_size: pictures in a batch, three times its triplets.
        seed: at least 0.
        rank: of this process.
        world: how many processes there are; each gets whole triplets.

    Raises:
        TrainingError: the batch cannot be divided so.
    """

    def __init__(
        self,
        labels: NDArray[np.int64],
        triplets: TripletList,
        *,
        batch_size: int,
        seed: int,
        rank: int,
        world: int,
    ) -> None:
        if batch_size % (3 * world):
            raise TrainingError(
                f"batch_size: expected a multiple of {3 * world}, three pictures a triplet"
                f"{f' in {world} processes' if world > 1 else ''}, got {batch_size}"
            )
        super().__init__(labels, batch_size=batch_size, seed=seed, rank=rank, world=world)
        self._triplets = triplets.triplets

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-self._triplets.size // self.batch_size)

    def order(self, random: np.random.Generator) -> NDArray[np.intp]:
        """See the class."""
        shuffled = self._triplets[random.permutation(len(self._triplets))].reshape(-1)
        return np.resize(shuffled, len(self) * self.batch_size).astype(np.intp)

    def _settings(self) -> tuple[object, ...]:
        content = np.ascontiguousarray(self._triplets, "<i8").tobytes()
        return (*super()._settings(), hashlib.sha256(content).hexdigest())


def the_triplets(
    file: Path, labels: NDArray[np.int64], count: int, seed: int, *, write: bool
) -> TripletList:
    """The list of a file; drawn, and kept there, where there is none.

    Args:
        file: `.npy`.
        labels: int64 (n,), whom each picture shows.
        count: triplets that are drawn.
        seed: of the draw.
        write: keep what is drawn; of several processes one does.

    Raises:
        TrainingError: the list was made for other pictures, or none can be drawn.
        OSError: it cannot be kept.
    """
    if file.exists():
        return load_triplets(file, labels)
    drawn = draw_triplets(labels, count, seed=seed)
    if write:
        drawn.save(file)
    return drawn
