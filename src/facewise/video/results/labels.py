"""What is said of a tracked face: who it is, in words, and in a colour."""

from __future__ import annotations

import colorsys
import threading
import zlib
from typing import TYPE_CHECKING

from facewise.recognition import UNKNOWN

if TYPE_CHECKING:
    from facewise.faces import Faces

    Color = tuple[int, int, int]

NOBODY: Color = (200, 200, 200)
"""Of a face of which nothing is known."""

_PLACES = 24
_STEP = 7 / _PLACES  # of hues that follow each other


def labels_of(faces: Faces, *, named: bool = True) -> list[str]:
    """Whom each face shows: a name; `person 3` for a stranger with a number; or `unknown`.

    Args:
        faces: with the column `name`; `person` is looked at where it is there.
        named: False: nobody was compared with anybody, so each face is its track: `track 5`, by
            the column `track`.
    """
    if not named:
        return [track_label(track) for track in faces.data["track"].tolist()]
    names = faces.data["name"].tolist()
    people = faces.data["person"].tolist() if "person" in faces.data else [0] * len(faces)
    return [
        f"person {person}" if name == UNKNOWN and person else name
        for name, person in zip(names, people, strict=True)
    ]


def track_label(track: int) -> str:
    """What a track is called where nobody has a name."""
    return f"track {track}"


class Colors:
    """A colour for each person: the same on every frame, and different ones as long as there are.

    The colour of a name is told from its letters, so that somebody has the same colour in
    every video, unless two of one video would have the same: then the second one gets the next.
    It may be used in several threads.
    """

    def __init__(self) -> None:
        self._given: dict[str, Color] = {}
        self._places: set[int] = set()
        self._lock = threading.Lock()

    def __call__(self, label: str) -> Color:
        """The RGB colour of a label of `labels_of`."""
        if label == UNKNOWN:
            return NOBODY
        with self._lock:
            if label not in self._given:
                self._given[label] = _color(self._place(label))
            return self._given[label]

    def _place(self, label: str) -> int:
        first = zlib.crc32(label.encode()) % _PLACES
        free = [
            place for place in range(first, first + _PLACES) if place % _PLACES not in self._places
        ]
        if not free:  # more people than colours: they share
            return first
        apart = 0.5 / (len(self._places) + 1)
        good = (p for p in free if all(_apart(p, other) >= apart for other in self._places))
        place = next(good, free[0]) % _PLACES
        self._places.add(place)
        return place


def _apart(one: int, other: int) -> float:
    """How far two hues lie apart, in [0, 0.5]."""
    away = (one - other) * _STEP % 1
    return min(away, 1 - away)


def _color(place: int) -> Color:
    hue = place * _STEP % 1
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75 if place % 2 else 0.55, 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)
