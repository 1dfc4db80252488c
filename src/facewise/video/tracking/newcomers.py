"""Tracks that have begun: are they people who have left, or others?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from facewise.video.tracking.association import IMPOSSIBLE, assign
from facewise.video.tracking.boxes import centers, sizes
from facewise.video.tracking.glance import LOOKS
from facewise.video.tracking.people import Gone, likeness_to, mean_looks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.video.tracking.people import People
    from facewise.video.tracking.scene import Scene
    from facewise.video.tracking.tracks import Track

    Floats = NDArray[np.float32]

ENOUGH = 3
"""Embeddings of a newcomer, each of another frame, by whose mean it is decided who it is."""

_FAR, _FASTER = 1.5, 3.0
"""Sides of the face that somebody may have moved unseen, and how many more in each second."""

_ANYWHERE = 2.0
"""Seconds after which somebody may be anywhere."""


class Newcomers:
    """Gives tracks their numbers: of people who have left, or new ones.

    A single look may mislead, above all at a face that is half outside of the picture or behind
    somebody. So a newcomer waits for a few, if there is anybody who it may be.

    Args:
        people: knows people by their looks; None: nobody does, and all numbers are new.
    """

    def __init__(self, people: People | None) -> None:
        self._people = people
        self._next = 1
        self._waiting: list[Track] = []

    def add(self, track: Track) -> None:
        """A track that has no number is sure to be of a face."""
        self._waiting.append(track)

    def anybody(self, scene: Scene) -> bool:
        """Whether there is anybody who a newcomer may be."""
        return self._people is not None and bool(self._people.gone or _lost(scene))

    def decide(self, scene: Scene, hurried: Callable[[Track], bool]) -> None:
        """Give numbers to those of whom enough is known.

        Who is known to be somebody that the scene has lost takes over from that track.

        Args:
            scene: whose tracks are those that are there.
            hurried: whether a track cannot wait.
        """
        if not self._waiting:
            return
        gone = self._gone(scene)
        ripe = [
            not gone or len(track.vectors) >= ENOUGH or hurried(track) for track in self._waiting
        ]
        if not any(ripe):
            return
        known = self._known(scene, gone)
        waiting, self._waiting = self._waiting, []
        for row, track in enumerate(waiting):
            if not ripe[row]:
                self._waiting.append(track)
                continue
            if row in known:
                self._returned(scene, track, gone[known[row]])
            else:
                track.who.number, self._next = self._next, self._next + 1

    def _gone(self, scene: Scene) -> list[Gone]:
        """All who a newcomer may be."""
        if self._people is None:
            return []
        return [*(Gone.of(track, scene) for track in _lost(scene)), *self._people.gone]

    def _known(self, scene: Scene, gone: Sequence[Gone]) -> dict[int, int]:
        """Who of those waiting is who of those gone, each once: the best of all assignments."""
        if self._people is None or not gone:
            return {}
        table = np.full((len(self._waiting), len(gone)), IMPOSSIBLE, np.float32)
        for row, track in enumerate(self._waiting):
            if track.vectors:
                alike = likeness_to(gone, mean_looks(track.vectors))
                possible = [_possible(scene, track, one) for one in gone]
                apart = [track.found > one.time for one in gone]  # not both on one frame
                may = np.array(possible) | (self._people.plainly(alike) & np.array(apart))
                table[row] = np.where(self._people.same(alike) & may, 1 - alike, IMPOSSIBLE)
        return dict(assign(table))

    def _replaced(self, track: Track) -> None:
        """Somebody else is found to be who a track was: it follows another, who is new."""
        track.who.number = None
        track.vectors, track.shaken, track.contradicted = [], False, False
        track.begun, track.origin = track.seen, track.anchor.box
        track.place_here()
        self._waiting.append(track)

    def _returned(self, scene: Scene, track: Track, gone: Gone) -> None:
        for one in scene.tracks:
            if one.number == gone.number and one.contradicted:
                self._replaced(one)
        track.who.number = gone.number
        track.vectors = [*gone.vectors[: LOOKS // 2], *track.vectors][:LOOKS]
        scene.tracks = [one for one in scene.tracks if one is track or one.number != gone.number]
        if self._people is not None:
            self._people.forget(gone.number)


def _lost(scene: Scene) -> list[Track]:
    """Those with a number who are not seen, or are perhaps not those who are seen there."""
    named = [one for one in scene.tracks if one.number is not None]
    return [one for one in named if one.vectors and (one.contradicted or not one.anchor.detected)]


def _possible(scene: Scene, track: Track, gone: Gone) -> bool:
    """Whether somebody can have come from where he was seen last to where a track began."""
    if gone.scene is not scene.mark:
        return True
    time = track.begun - gone.time
    if time < 0:
        return False  # both were there
    if time > _ANYWHERE:
        return True
    side = float(max(sizes(gone.box), sizes(track.origin)))
    distance = float(np.linalg.norm(centers(track.origin) - centers(gone.box)))
    return distance <= side * (_FAR + _FASTER * time)
