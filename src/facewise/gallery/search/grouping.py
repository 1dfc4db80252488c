"""The best face of each of the best people, by a search for faces."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from facewise.gallery.search.matches import Matches

if TYPE_CHECKING:
    from numpy.typing import NDArray


MOST = 1024
"""Faces among which people are looked for (or 4 for each person that is asked for)."""


def best_people(
    search: Callable[[NDArray[np.float32], int], Matches],
    probes: NDArray[np.float32],
    k: int,
    faces: int,
) -> Matches:
    """The k best people for each probe, each with the face that is most similar.

    Args:
        search: gives the so many best faces of each of some probes.
        probes: float32 (m, d).
        k: at least 1.
        faces: in the gallery; more and more are asked for until they are of k people, up to
            `MOST`. Where a few people have so many faces that are like the probe, there are fewer
            people than were asked for: the others are less like it than all of these.
    """
    best = Matches.none(len(probes), k)
    todo = np.arange(len(probes))
    most = min(faces, max(MOST, 4 * k))
    count = k if k == 1 else 3 * k + 10  # some faces a person
    while len(todo) and faces:
        count = min(count, most)
        found = search(probes[todo], count).best_of_each_person(k)
        enough = (found.people[:, -1] >= 0) | (count == most)
        best.put(todo[enough], found.rows(enough))
        todo = todo[~enough]
        count *= 4
    return best
