"""Tell a segment where a track was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from facewise.video.tracking.observations import Observation

if TYPE_CHECKING:
    from facewise.video.tracking.paths import Path
    from facewise.video.tracking.segment import Segment
    from facewise.video.tracking.tracks import Anchor, Track

BELIEVED = 0.3
"""Trust from which on a face is given on a frame."""

_GUESSED = 0.3
"""Part of the score that is left to a face between two looks that saw it, where the flow did not
lead to it."""


def tell_first(segment: Segment, tracks: Sequence[Track]) -> None:
    """The faces of the first frame, which was looked at, as they were found there."""
    for track in tracks:
        face = now(track, 0)
        if face is not None:
            segment.put(0, face, track.trust[0])


def tell(segment: Segment, track: Track, way: Path, end: Anchor, *, new: bool = False) -> None:
    """Where a track was on the frames between the first and the last.

    Args:
        segment: the frames.
        track: nothing is told of one that is not confirmed.
        way: where it was.
        end: what is known of it on the last frame.
        new: it was not known on the first frame, of which is told then too.
    """
    if not track.confirmed:
        return
    last, start = len(segment) - 1, track.anchor
    both = not new and start.detected and end.detected and end is not start
    for i in range(0 if new else 1, last):
        trust, share = float(way.trust[i]), i / last
        guessed = trust < BELIEVED
        if guessed and not both:
            continue
        parts = start.parts
        if parts is not None and end.parts is not None:
            parts = parts * (1 - share) + end.parts * share
        score = (start.score * (1 - share) + end.score * share) * max(trust, _GUESSED)
        face = Observation(track.who, way.boxes[i], parts, score, False)
        segment.put(i, face, 0.0 if guessed else trust)


def now(track: Track, place: int) -> Observation | None:
    """A track on a frame that it was followed to from the look before; None: it is not shown.

    Args:
        track: any.
        place: of the frame, counted from the look; -1 is the last.
    """
    trust, anchor = track.trust[place], track.anchor
    if not track.confirmed or trust < BELIEVED:
        return None
    looked = track.boxes[place] is anchor.box
    score = anchor.score if looked else anchor.score * trust
    return Observation(
        track.who, track.boxes[place], anchor.parts, score, looked and anchor.detected
    )
