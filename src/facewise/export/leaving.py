"""Faces of shards on their way into a file of `gallery.transfer`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from facewise.export.choosing import chosen
from facewise.gallery.transfer.rows import Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.export.choosing import Selection
    from facewise.export.facts import ExportFacts
    from facewise.shards import Shards


def person_of(key: str) -> str:
    """Whom a picture shows: the first folder of its path, or "" where it lies in none."""
    return key.partition("/")[0] if "/" in key else ""


@dataclass(slots=True, kw_only=True)
class LeavingFaces:
    """A row for each picture with a face; see `gallery.transfer.leaving.Outgoing`.

    Attributes:
        shards: the faces, sorted by path, so those of a person one after another.
        facts: what the file says of itself.
        selection: which face of a picture counts.
        done: called with the number of rows that were given.
        given: how many rows the last pass has given.
        people: how many people it has met.
    """

    shards: Shards
    facts: ExportFacts
    selection: Selection
    done: Callable[[int], object] = lambda _: None
    chips: bool = field(default=False, init=False)
    means: bool = field(default=False, init=False)
    given: int = field(default=0, init=False)
    people: int = field(default=0, init=False)

    def rows(self) -> Iterator[Row]:
        """Every face with its vector."""
        self.given, self.people, last = 0, 0, None
        places = count(1)
        for some in chosen(self.shards, self.selection):
            boxes, scores = some.boxes.tolist(), some.scores.tolist()
            known = np.isfinite(some.scores).tolist()
            for i, key in enumerate(some.keys):
                name = person_of(key)
                if name and name != last:
                    self.people, last = self.people + 1, name
                number = next(places)
                yield Row(
                    place=f"row {number}",
                    name=name,
                    vector=some.vectors[i],
                    source=key,
                    box=tuple(boxes[i]) if known[i] else None,
                    quality=scores[i] if known[i] else None,
                    person_id=self.people if name else 0,
                    face_id=number,
                )
            self.given += len(some.keys)
            self.done(self.given)

    def labels(self) -> Iterator[tuple[str, str]]:
        """Name and source of every face."""
        for some in chosen(self.shards, self.selection, vectors=False):
            for key in some.keys:
                yield person_of(key), key


@dataclass(slots=True, kw_only=True)
class LeavingPeople:
    """A row for each person: the mean of all pictures' vectors, at unit length.

    Pictures that lie in no folder are of nobody. With `means` the faces themselves are given, for a
    format that makes the means (facerec's h5).

    Attributes:
        faces: of all people.
        facts: what the file says of itself.
        means: see above.
        given: how many people the last pass has given.
    """

    faces: LeavingFaces
    facts: ExportFacts
    means: bool = False
    chips: bool = field(default=False, init=False)
    given: int = field(default=0, init=False)

    def rows(self) -> Iterator[Row]:
        """Every person, or for `means` every face of a person."""
        self.given = 0
        total: NDArray[np.float64] | None = None
        last: Row | None = None
        for row in self.faces.rows():
            if not row.name or row.vector is None:
                continue
            if last is None or row.person_id != last.person_id:
                if not self.means and last is not None and total is not None:
                    yield self._person(last, total)
                self.given += 1
                total = np.zeros(len(row.vector))
            if self.means:
                yield row
            elif total is not None:
                total += row.vector
            last = row
        if not self.means and last is not None and total is not None:
            yield self._person(last, total)

    def labels(self) -> Iterator[tuple[str, str]]:
        """The name of every person, and no source."""
        last = ""
        for name, _ in self.faces.labels():
            if name and name != last:
                last = name
                yield name, ""

    def _person(self, row: Row, total: NDArray[np.float64]) -> Row:
        length = float(np.linalg.norm(total))
        mean = (total / length if length else total).astype(np.float32)
        return Row(
            place=row.place,
            name=row.name,
            vector=mean,
            person_id=row.person_id,
            face_id=self.given,
        )
