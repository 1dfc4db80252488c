"""What a look of the detector means for the faces that are followed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from facewise.video.tracking.aside import aside
from facewise.video.tracking.boxes import overlaps
from facewise.video.tracking.looking import look_at
from facewise.video.tracking.matching import matched
from facewise.video.tracking.newcomers import ENOUGH, Newcomers
from facewise.video.tracking.telling import BELIEVED, tell, tell_first
from facewise.video.tracking.tracks import Anchor, Track

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.detection import Detector
    from facewise.video.tracking.options import TrackingOptions
    from facewise.video.tracking.paths import Path
    from facewise.video.tracking.people import People
    from facewise.video.tracking.scene import Scene

    Floats = NDArray[np.float32]

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
        self._newcomers = Newcomers(people)

    def judge(self, scene: Scene, found: Sequence[Anchor]) -> None:
        """The faces of a scene after the detector has found these on its last frame.

        What was between the first frame of the segment and the last is told to the segment. For the
        tracks a new one begins. Some may have no number yet: see `decide`.
        """
        segment, tracks = scene.segment, scene.tracks
        frame = segment.frames[-1]
        glance = None if self._people is None else self._people.glance(frame, found)
        pairs, ways = matched(tracks, found, segment, frame.time, glance)
        unseen = [track for row, track in enumerate(tracks) if row not in pairs]
        seen = [_Sight(column, tracks[row], way) for row, (column, way) in pairs.items()]
        new = [
            _Sight(column, _begun(scene, found[column], way), way) for column, way in ways.items()
        ]
        for sight in seen:
            self._confirm(sight.track)
        for track in unseen:
            self._look_again(scene, track, track.way, range(_APART, len(segment) - 1))
        for _, track, way in new:
            self._look_again(scene, track, way, range(len(segment) - 1 - _APART, -1, -1))
        tell_first(segment, tracks)
        for column, track, way in seen:
            tell(segment, track, way, found[column])
        for column, track, way in new:
            tell(segment, track, way, found[column], new=True)
        seen += new
        kept = [track for track in unseen if self._goes_on(scene, track, seen)]
        if seen:
            faces = segment.patches(np.stack([found[sight.column].box for sight in seen]))
            for sight, face in zip(seen, faces, strict=True):
                sight.track.see(found[sight.column], frame.time, sight.way, face)
        if glance is not None:
            glance.learn([(sight.column, sight.track) for sight in seen])
            for _, track, way in seen:
                self._learn_more(scene, track, way)
        scene.tracks = [sight.track for sight in seen] + kept

    def decide(self, scene: Scene, *, hurry: bool = True) -> None:
        """Give numbers to tracks that have none.

        Args:
            scene: what was judged.
            hurry: now; otherwise some may wait until more is known of them.
        """
        here = {id(track) for track in scene.tracks}
        self._newcomers.decide(scene, lambda track: hurry or id(track) not in here)

    def believe(self, scene: Scene) -> None:
        """All tracks of a scene are of faces: there is no other frame on which to see them."""
        for track in scene.tracks:
            self._confirm(track)

    def end(self, scene: Scene) -> None:
        """A scene is over: who was there is remembered."""
        self.decide(scene)
        for track in scene.tracks:
            self._leave(scene, track)
        scene.tracks = []

    def _look_again(self, scene: Scene, track: Track, way: Path, places: Sequence[int]) -> None:
        """Confirm a track if the detector sees it on another frame of its way too.

        Args:
            scene: with the frames.
            track: may be confirmed already.
            way: where it was.
            places: of frames, the best first; the first to which the way leads is taken.
        """
        if not track.confirmed and self._options.confirm:
            place = next((i for i in places if way.trust[i] >= BELIEVED), None)
            if place is None or not self._look_at(scene, track, place, way.boxes[place]):
                return
        self._confirm(track)

    def _learn_more(self, scene: Scene, track: Track, way: Path) -> None:
        """Look at a track without a number on more frames, if that may tell who it is."""
        if track.number is not None or not track.confirmed or not self._newcomers.anybody(scene):
            return
        last = len(scene.segment) - 1
        for place in sorted({last // 3, last * 2 // 3} - {0}, reverse=True):
            if len(track.vectors) < ENOUGH and way.trust[place] >= BELIEVED:
                self._look_at(scene, track, place, way.boxes[place])

    def _look_at(self, scene: Scene, track: Track, place: int, box: Floats) -> bool:
        """Whether the detector sees a track on another frame; its looks there are learnt."""
        frame = scene.segment.frames[place]
        face = aside(partial(look_at, self._detector, frame.image, box))
        if face is None:
            return False
        if self._people is not None:
            others = [
                t.boxes[place] for t in scene.tracks if t is not track and len(t.boxes) > place
            ]
            self._people.glance(frame, [face], others).learn([(0, track)])
        return True

    def _confirm(self, track: Track) -> None:
        if not track.confirmed:
            track.confirmed = True
            self._newcomers.add(track)

    def _goes_on(self, scene: Scene, track: Track, seen: Sequence[_Sight]) -> bool:
        """Tell the way of a track that the look has not seen; whether it is still expected."""
        for _, other, way in seen:
            if other.confirmed and overlaps(way.boxes[-1], track.boxes[-1]) > _STANDING:
                apart = np.flatnonzero(overlaps(track.path.boxes, way.boxes) <= _TOUCHING)
                track.lose(int(apart[-1]) if len(apart) else 0)
        tell(scene.segment, track, track.way, track.anchor)
        unseen = scene.segment.frames[-1].time - track.seen
        if not track.confirmed or unseen > self._options.occlusion:
            self._leave(scene, track)
            return False
        trust, track.shaken = track.trust[-1], True
        track.start(
            Anchor(track.boxes[-1], track.anchor.parts, track.anchor.score * trust, False), trust
        )
        return True

    def _leave(self, scene: Scene, track: Track) -> None:
        if self._people is not None:
            self._people.leave(track, scene)


def _begun(scene: Scene, face: Anchor, way: Path) -> Track:
    """A track of a face that was found on the last frame, and of its way back."""
    frames = scene.segment.frames
    track = Track(face, frames[-1].time)
    first = int(np.argmax(way.trust >= BELIEVED))
    track.begun, track.origin = frames[first].time, way.boxes[first]
    return track
