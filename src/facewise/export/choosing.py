"""From the faces of shards to those that stand for their pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from facewise.faces import Faces
from facewise.recognition.people import plain_subject

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.shards import FaceBatch, Shards

Selection = Literal["most_central", "largest", "most_confident", "plain", "all"]
"""Which face of a picture counts: a policy of `Faces.order`; "plain": the only one, or one at least
three times as wide as any other (`recognition.people`); or all."""

SELECTIONS: tuple[Selection, ...] = get_args(Selection)

_BATCH = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Some pictures with the face that counts.

    Attributes:
        keys: n paths below the folder, with `/`; with "all" one may come several times.
        boxes: float32 (n, 4), pixels.
        scores: float32 (n,); NaN of chips.
        vectors: float32 (n, d), unit length; d is 0 where they were not asked for.
        several: how many of the pictures have several faces.
        unclear: pictures in which no face counts, and why.
    """

    keys: list[str]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    vectors: NDArray[np.float32]
    several: int
    unclear: list[tuple[str, str]]


def chosen(shards: Shards, selection: Selection, *, vectors: bool = True) -> Iterator[Chosen]:
    """The pictures that have faces, some thousand at a time, in their order.

    Args:
        shards: of all pictures.
        selection: which face counts.
        vectors: read the vectors.

    Raises:
        ShardsError: a shard is damaged.
    """
    rest: _Faces | None = None
    for batch in shards.batches(_BATCH, vectors=vectors):
        faces = _Faces.of(batch) if rest is None else rest.followed_by(_Faces.of(batch))
        last = faces.starts[-1]  # its other faces may be in the next batch
        if last:
            yield _pick(faces.part(0, last), selection)
        rest = faces.part(last, len(faces.keys))
    if rest is not None:
        yield _pick(rest, selection)


@dataclass(frozen=True, slots=True, eq=False)
class _Faces:
    """n faces, those of a picture one after another; `starts` has the first one of each picture."""

    keys: list[str]
    pictures: NDArray[np.int32]
    sizes: NDArray[np.int32]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    vectors: NDArray[np.float32]

    @classmethod
    def of(cls, batch: FaceBatch) -> _Faces:
        return cls(
            batch.keys, batch.pictures, batch.sizes, batch.boxes, batch.scores, batch.vectors
        )

    def followed_by(self, other: _Faces) -> _Faces:
        return _Faces(
            self.keys + other.keys,
            np.concatenate([self.pictures, other.pictures]),
            np.concatenate([self.sizes, other.sizes]),
            np.concatenate([self.boxes, other.boxes]),
            np.concatenate([self.scores, other.scores]),
            np.concatenate([self.vectors, other.vectors]),
        )

    def part(self, start: int, stop: int) -> _Faces:
        rows = slice(start, stop)
        return _Faces(
            self.keys[rows],
            self.pictures[rows],
            self.sizes[rows],
            self.boxes[rows],
            self.scores[rows],
            self.vectors[rows],
        )

    @property
    def starts(self) -> list[int]:
        keys, pictures = self.keys, self.pictures.tolist()
        return [
            i
            for i in range(len(keys))
            if i == 0 or pictures[i] != pictures[i - 1] or keys[i] != keys[i - 1]
        ]


def _pick(faces: _Faces, selection: Selection) -> Chosen:
    starts = faces.starts
    stops = [*starts[1:], len(faces.keys)]
    rows: list[int] = []
    several, unclear = 0, []
    for start, stop in zip(starts, stops, strict=True):
        several += stop - start > 1
        if stop - start == 1 or selection == "all":
            rows += range(start, stop)
            continue
        best, reason = _best(faces, start, stop, selection)
        if best is None:
            unclear.append((faces.keys[start], reason))
        else:
            rows.append(start + best)
    return Chosen(
        [faces.keys[row] for row in rows],
        faces.boxes[rows],
        faces.scores[rows],
        faces.vectors[rows],
        several,
        unclear,
    )


def _best(faces: _Faces, start: int, stop: int, selection: Selection) -> tuple[int | None, str]:
    some = Faces(faces.boxes[start:stop], np.nan_to_num(faces.scores[start:stop]))
    if selection == "plain":
        return plain_subject(some)
    assert selection != "all"  # noqa: S101 - nothing is to be chosen
    width, height = faces.sizes[start].tolist()
    return int(some.order(selection, image_size=(width, height))[0]), ""
