"""What a look of the detector means for the faces that are followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from facewise.video.tracking.aside import aside
from facewise.video.tracking.boxes import overlaps
from facewise.video.tracking.looking import look_at
from facewise.video.tracking.matching import matched
from facewise.video.tracking.telling import BELIEVED, tell, tell_first
from facewise.video.tracking.tracks import Anchor, Track

if TYPE_CHECKING:
    from facewise.detection import Detector
    from facewise.video.tracking.options import TrackingOptions
    from facewise.video.tracking.paths import Path
    from facewise.video.tracking.people import Glance, People
    from facewise.video.tracking.scene import Scene

_STANDING = 0.5
"""Overlap with somebody who was seen from which on an unseen track only follows him."""

_TOUCHING = 0.25
"""Overlap from which on one of two faces begins to hide the other."""

_APART = 3
"""Frames between a look and the picture on which a new face is looked for once more."""


class _Sight(NamedTuple):
    """A face that was found, whose it is, and its way through the segment."""

    column: int
    track: Track
    way: Path


class Judge:
    """Says whose each found face is, begins and ends tracks, and tells where they were.

    Args:
        detector: looks once more where a new face should have been before.
        people: knows people by their looks; None: nobody does.
        options: how tracks begin, go on and end.
    """

    def __init__(self, detector: Detector, people: People | None, options: TrackingOptions) -> None:
        self._detector = detector
        self._people = people
        self._options = options
        self._next = 1

    def judge(self, scene: Scene, found: Sequence[Anchor]) -> None:
        """The faces of a scene after the detector has found these on its last frame.

        What was between the first frame of the segment and the last is told to the segment. For the
        tracks a new one begins.
        """
        segment, tracks = scene.segment, scene.tracks
        frame = segment.frames[-1]
        glance = None if self._people is None else self._people.glance(frame, found)
        pairs, ways = matched(tracks, found, segment, frame.time, glance)
        unseen = [track for row, track in enumerate(tracks) if row not in pairs]
        begun = {column: Track(found[column], frame.time) for column in ways}
        named = {column: tracks[row] for row, (column, _) in pairs.items()} | begun
        self._recall(named, tracks, glance)
        for row in pairs:
            self._number(tracks[row])
        for track in unseen:
            self._confirm(scene, track, track.way, range(_APART, len(segment) - 1))
        tell_first(segment, tracks)
        seen = []
        for row, (column, way) in pairs.items():
            tell(segment, tracks[row], way, found[column])
            seen.append(_Sight(column, tracks[row], way))
        for column, track in begun.items():
            way = ways[column]
            self._confirm(scene, track, way, range(len(segment) - 1 - _APART, -1, -1))
            tell(segment, track, way, found[column], new=True)
            seen.append(_Sight(column, track, way))
        kept = [track for track in unseen if self._goes_on(scene, track, seen)]
        if seen:
            faces = segment.patches(np.stack([found[sight.column].box for sight in seen]))
            for sight, face in zip(seen, faces, strict=True):
                sight.track.see(found[sight.column], frame.time, sight.way, face)
        if glance is not None:
            glance.learn([(sight.column, sight.track) for sight in seen])
        scene.tracks = [sight.track for sight in seen] + kept

    def end(self, scene: Scene) -> None:
        """A scene is over: who was there is remembered."""
        for track in scene.tracks:
            self._leave(track)
        scene.tracks = []

    def _confirm(self, scene: Scene, track: Track, way: Path, places: Sequence[int]) -> None:
        """Give a track its number if the detector sees it on another frame of its way too.

        Args:
            scene: with the frames.
            track: may have its number already.
            way: where it was.
            places: of frames, the best first; the first to which the way leads is taken.
        """
        if track.number is None and self._options.confirm:
            place = next((i for i in places if way.trust[i] >= BELIEVED), None)
            if place is None:
                return
            image = scene.segment.frames[place].image
            if aside(partial(look_at, self._detector, image, way.boxes[place])) is None:
                return
        self._number(track)

    def _recall(
        self, seen: Mapping[int, Track], here: Sequence[Track], glance: Glance | None
    ) -> None:
        """Give tracks that have no number those of people who have left, if it is they.

        Args:
            seen: tracks by the number of their face on this frame.
            here: the tracks so far; none of them has left.
            glance: of the faces of this frame.
        """
        if glance is None or self._people is None or not self._people.gone:
            return
        new = [column for column, track in seen.items() if track.number is None]
        numbers = [track.number for track in here if track.number is not None]
        for column, known in self._people.returns(glance.vectors(new), numbers).items():
            seen[column].number, seen[column].vectors = known

    def _number(self, track: Track) -> None:
        if track.number is None:
            track.number, self._next = self._next, self._next + 1

    def _goes_on(self, scene: Scene, track: Track, seen: Sequence[_Sight]) -> bool:
        """Tell the way of a track that the look has not seen; whether it is still expected."""
        for _, other, way in seen:
            if other.number is not None and overlaps(way.boxes[-1], track.boxes[-1]) > _STANDING:
                apart = np.flatnonzero(overlaps(track.path.boxes, way.boxes) <= _TOUCHING)
                track.lose(int(apart[-1]) if len(apart) else 0)
        tell(scene.segment, track, track.way, track.anchor)
        unseen = scene.segment.frames[-1].time - track.seen
        if track.number is None or unseen > self._options.occlusion:
            self._leave(track)
            return False
        trust = track.trust[-1]
        track.start(
            Anchor(track.boxes[-1], track.anchor.parts, track.anchor.score * trust, False), trust
        )
        return True

    def _leave(self, track: Track) -> None:
        if self._people is not None:
            self._people.leave(track)
