"""The classic way: a list of triplets drawn once, kept in a file and used again."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facewise._files import replace_file
from facewise.errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TripletList:
    """Triplets of pictures by their place in the index.

    Attributes:
        triplets: int64 (m, 3): anchor, another picture of the same person, one of someone else.
    """

    triplets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.triplets)

    @property
    def pictures(self) -> NDArray[np.int64]:
        """All in turn, int64 (3 m,): the order `OfflineTripletLoss` wants the pictures in."""
        return self.triplets.reshape(-1)

    def save(self, file: Path) -> None:
        """Write a `.npy` file, whole or not at all.

        Raises:
            OSError: it cannot be written; an older file is left as it is.
        """
        buffer = io.BytesIO()
        np.save(buffer, self.triplets, allow_pickle=False)
        replace_file(file, buffer.getvalue())


def draw_triplets(labels: Labels, count: int, *, seed: int = 0) -> TripletList:
    """Draw triplets: a person with two pictures or more, two of them, and one of another person.

    People are equally likely however many pictures they have, and so are a person's pictures.

    Args:
        labels: int64 (n,), the person in each picture.
        count: how many triplets, m.
        seed: the same seed and labels give the same list.

    Raises:
        TrainingError: nobody has two pictures, or there is only one person.
    """
    people, counts = np.unique(labels, return_counts=True)
    several = np.flatnonzero(counts > 1)
    if len(people) < 2 or not len(several):
        raise TrainingError(
            "labels: expected two people or more, one of them with two pictures, "
            f"got {len(people)} people with at most {counts.max(initial=0)}"
        )
    by_person = np.argsort(labels, kind="stable")
    first = np.cumsum(counts) - counts
    rng = np.random.default_rng(seed)

    def picture(person: NDArray[np.int64]) -> NDArray[np.int64]:
        return rng.integers(counts[person])

    person = rng.choice(several, count)
    anchor = picture(person)
    positive = (anchor + rng.integers(1, counts[person])) % counts[person]
    other = (person + rng.integers(1, len(people), count)) % len(people)
    negative = picture(other)
    places = [first[person] + anchor, first[person] + positive, first[other] + negative]
    return TripletList(by_person[np.stack(places, axis=1)].astype(np.int64))


def load_triplets(file: Path, labels: Labels) -> TripletList:
    """Read a list and check that it was made for these pictures.

    Args:
        file: a `.npy` file as `TripletList.save` writes it; pickled content is not read.
        labels: int64 (n,), the person in each picture.

    Raises:
        TrainingError: it cannot be read, has another form, or does not fit the labels; names the
            file and the first triplet that is wrong.
    """
    try:
        with file.open("rb") as stream:
            triplets = np.lib.format.read_array(stream, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise TrainingError(f"{file}: not a list of triplets (.npy): {error}") from error
    if triplets.dtype != np.int64 or triplets.ndim != 2 or triplets.shape[1] != 3:
        raise TrainingError(f"{file}: expected int64 (m, 3), got {triplets.dtype} {triplets.shape}")
    outside = ((triplets < 0) | (triplets >= len(labels))).any(axis=1)
    _refuse(file, outside, triplets, f"expected pictures 0 to {len(labels) - 1}")
    anchor, positive, negative = labels[triplets].T
    wrong = (anchor != positive) | (anchor == negative) | (triplets[:, 0] == triplets[:, 1])
    _refuse(
        file,
        wrong,
        triplets,
        "expected two pictures of a person and one of another; was it made from another index?",
    )
    return TripletList(triplets)


def _refuse(file: Path, wrong: Any, triplets: NDArray[np.int64], message: str) -> None:
    if wrong.any():
        place = int(wrong.argmax())
        raise TrainingError(f"{file}: triplet {place} is {triplets[place].tolist()}: {message}")
