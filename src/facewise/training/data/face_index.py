"""`FaceIndex`: which pictures there are, and whom each shows."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import TrainingError
from facewise.training.data.record_file import Records

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.recognition.people import Problem
    from facewise.training.data.sources import Source


@dataclass(frozen=True, slots=True, eq=False)
class FaceIndex:
    """n pictures of people, of whom each has at least one.

    Attributes:
        names: of the people, sorted; their places are the labels.
        sources: where the pictures are.
        labels: int64 (n,), whom each picture shows.
        problems: what was left out or needs a look, and why.

    Raises:
        TrainingError: numbers do not fit, names are not sorted and different, or somebody has no
            picture.

    Example:
        >>> import numpy as np
        >>> from pathlib import Path
        >>> from facewise.training.data.index import FaceIndex
        >>> files = (Path("ann/1.jpg"), Path("bob/1.jpg"), Path("bob/2.jpg"))
        >>> index = FaceIndex(("ann", "bob"), files, np.array([0, 1, 1]))
        >>> len(index), index.num_classes, index.counts.tolist()
        (3, 2, [1, 2])
    """

    names: tuple[str, ...]
    sources: Sequence[Source]
    labels: NDArray[np.int64]
    problems: tuple[Problem, ...] = ()

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels)
        if labels.ndim != 1 or labels.dtype.kind not in "iu":
            raise TrainingError(
                f"labels: expected whole numbers of shape (n,), got {labels.dtype} {labels.shape}"
            )
        if len(labels) != len(self.sources):
            raise TrainingError(f"labels: {len(labels)} for {len(self.sources)} pictures")
        if any(a >= b for a, b in zip(self.names, self.names[1:], strict=False)):
            raise TrainingError("names: expected different names in order")
        if not len(labels):
            raise TrainingError("sources: expected at least one picture")
        if labels.min() < 0 or labels.max() >= len(self.names):
            raise TrainingError(
                f"labels: expected values from 0 to {len(self.names) - 1}, "
                f"got {labels.min()} to {labels.max()}"
            )
        object.__setattr__(self, "labels", labels.astype(np.int64))
        if not self.counts.all():
            name = self.names[int(np.argmin(self.counts))]
            raise TrainingError(f"names: {name!r} has no picture")

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def num_classes(self) -> int:
        """How many people there are."""
        return len(self.names)

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many pictures each of the people has, int64 (num_classes,)."""
        return np.bincount(self.labels, minlength=len(self.names)).astype(np.int64)

    def subset(self, pictures: NDArray[np.bool_], problems: Iterable[Problem] = ()) -> FaceIndex:
        """The index of some of the pictures; people who have none left are left out.

        Args:
            pictures: bool (n,), True for those that stay.
            problems: what was found besides the problems of this index.

        Raises:
            TrainingError: none stay.
        """
        numbers = np.flatnonzero(pictures)
        kept, labels = np.unique(self.labels[numbers], return_inverse=True)
        sources = self.sources
        return FaceIndex(
            tuple(self.names[i] for i in kept.tolist()),
            sources.take(numbers)
            if isinstance(sources, Records)
            else tuple(sources[i] for i in numbers.tolist()),
            labels.reshape(-1),
            (*self.problems, *problems),
        )

    def without(self, names: Collection[str]) -> FaceIndex:
        """The index without some people, for example those whom `overlap` found.

        Raises:
            TrainingError: nobody is left.
        """
        stay = np.array([name not in names for name in self.names])
        if not stay.any():
            raise TrainingError(f"all {len(self.names)} people would be left out")
        return self.subset(stay[self.labels])


def index_of(
    sources: Sequence[Source], people: Sequence[str], problems: Iterable[Problem] = ()
) -> FaceIndex:
    """An index from the name of whom each picture shows, in the order of the pictures.

    Raises:
        TrainingError: there is no picture.
    """
    number = {name: place for place, name in enumerate(sorted(set(people)))}
    labels = np.fromiter((number[name] for name in people), np.int64, len(people))
    return FaceIndex(tuple(number), sources, labels, tuple(problems))


def at_least(index: FaceIndex, k: int) -> FaceIndex:
    """The people who have at least k pictures.

    Raises:
        TrainingError: nobody has so many, or k is below 1.
    """
    if k < 1:
        raise TrainingError(f"at_least: expected at least 1, got {k}")
    enough = index.counts >= k
    if not enough.any():
        raise TrainingError(
            f"at_least: nobody has {k} pictures; of {index.num_classes} people the most that one "
            f"has is {index.counts.max()}"
        )
    return index.subset(enough[index.labels])


def split_people(index: FaceIndex, share: float, seed: int = 0) -> tuple[FaceIndex, FaceIndex]:
    """Cut an index in two that have nobody in common.

    Whether somebody is held out depends on the name and the seed alone: the first 8 bytes of
    SHA-256 over both, as a part of 2^64, are below the share. So whoever is added later moves
    nobody, and a data set that grows never trains on whom it was tested with.

    Args:
        index: the people.
        share: of the people that are held out, in (0, 1); kept roughly, as each is drawn for
            himself.
        seed: another one holds out others.

    Returns:
        Those to train with, and those held out. Problems stay with the former.

    Raises:
        TrainingError: a share outside (0, 1), or one side has nobody.
    """
    if not 0 < share < 1:
        raise TrainingError(f"share: expected a part of the people in (0, 1), got {share}")
    held = np.array([_place(name, seed) < share for name in index.names])
    if held.all() or not held.any():
        raise TrainingError(
            f"share: {share} of {index.num_classes} people leaves "
            f"{'nobody to train with' if held.all() else 'nobody held out'} with seed {seed}; "
            "give another share, or another seed"
        )
    pictures = held[index.labels]
    bare = FaceIndex(index.names, index.sources, index.labels)
    return index.subset(~pictures), bare.subset(pictures)


def _place(name: str, seed: int) -> float:
    """A number in [0, 1) that looks random, of a name and a seed."""
    digest = hashlib.sha256(f"{seed}\0{name}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
