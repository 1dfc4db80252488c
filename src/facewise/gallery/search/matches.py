"""`Matches`: what a search found, and the best face of each person in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """The k best faces of the gallery for each of m probes, best first.

    Where a gallery has fewer faces (or people) than were asked for, the rest of a row is filled:
    ids of -1 and a similarity of minus infinity, which no threshold accepts.

    Attributes:
        faces: int64 (m, k), face ids.
        people: int64 (m, k), the person of each face.
        similarities: float32 (m, k), cosines in [-1, 1].
    """

    faces: NDArray[np.int64]
    people: NDArray[np.int64]
    similarities: NDArray[np.float32]

    @classmethod
    def none(cls, m: int, k: int) -> Matches:
        """Nothing found: all filled."""
        return cls(
            np.full((m, k), -1, np.int64),
            np.full((m, k), -1, np.int64),
            np.full((m, k), -np.inf, np.float32),
        )

    def put(self, rows: NDArray[np.int64], found: Matches) -> None:
        """Fill rows (by number) with those of a search with no more columns than this one has."""
        k = found.faces.shape[1]
        self.faces[rows, :k] = found.faces
        self.people[rows, :k] = found.people
        self.similarities[rows, :k] = found.similarities

    def rows(self, chosen: NDArray[np.bool_]) -> Matches:
        """Some of the rows, by mask."""
        return Matches(self.faces[chosen], self.people[chosen], self.similarities[chosen])

    def first(self, k: int) -> Matches:
        """The first k columns."""
        return Matches(self.faces[:, :k], self.people[:, :k], self.similarities[:, :k])

    def best_of_each_person(self, k: int) -> Matches:
        """Of each row the best face of each of the k best people, (m, k)."""
        best = Matches.none(len(self.faces), k)
        for row, people in enumerate(self.people):
            known, first = np.unique(people, return_index=True)
            columns = np.sort(first[known >= 0])[:k]
            best.faces[row, : len(columns)] = self.faces[row, columns]
            best.people[row, : len(columns)] = people[columns]
            best.similarities[row, : len(columns)] = self.similarities[row, columns]
        return best
