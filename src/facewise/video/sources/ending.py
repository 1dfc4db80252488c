"""Whether a video ended where it says that it ends."""

from __future__ import annotations

from pathlib import Path

from facewise.video.sources.decoding import Decoder
from facewise.video.sources.facts import VideoFacts

_DECLARING = frozenset({"mov", "matroska", "webm", "avi", "flv", "asf"})
"""Containers whose header holds the duration; others have it guessed from what there is."""

_UNREAD = 0.25
"""Share of a file that is no longer what stands behind the frames, as an index."""


def why_broken(facts: VideoFacts, decoder: Decoder, last: float | None) -> str | None:
    """A sentence, when frames are missing at the end; None when the video seems whole.

    Args:
        facts: what was declared.
        decoder: it, still open, at its end.
        last: seconds of the last frame.
    """
    if last is None:
        return None
    end = last + 1 / facts.rate
    kinds = set(decoder.container.format.name.split(","))
    in_pieces = "mov" in kinds and not facts.frames  # a fragmented MP4 has no header for the whole
    if facts.duration and _DECLARING & kinds:
        missing = facts.duration - end
        if missing > max(0.5, 3 / facts.rate, 0.01 * facts.duration):
            return f"ends at {end:.2f} s of {facts.duration:.2f} s"
        if not in_pieces:
            return None
    path = Path(facts.name)
    if decoder.reached and path.is_file():
        size = path.stat().st_size
        unread = size - decoder.reached
        if unread > _UNREAD * size:
            return f"ends at {end:.2f} s; {unread / size:.0%} of the file, at its end, has no frame"
    return None
