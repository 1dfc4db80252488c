"""The best face of each person of a video, on one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw

from facewise.video.results.canvas import PALE, PAPER, clock, face_of, write_words
from facewise.video.results.presence import presences
from facewise.video.results.writing import colors_of

if TYPE_CHECKING:
    from facewise.images import Picture
    from facewise.video.results.presence import Presence
    from facewise.video.results.tracked_video import TrackedVideo

_SIDE, _GAP, _EDGE, _LINE, _TEXT = 180, 20, 24, 24, 17


def contact_sheet(video: TrackedVideo, *, columns: int = 6, most: int = 300) -> Picture:
    """A grid of the best face of each person, with the label, and when and how long it is seen.

    Of whom no face was good enough to be embedded there is a grey square.

    Args:
        video: what was found.
        columns: of the grid, at most.
        most: people at most; the sheet says how many are left out, those who are seen for the
            shortest time.

    Returns:
        uint8 RGB (h, w, 3).

    Raises:
        ValueError: columns or most are below 1.
    """
    if min(columns, most) < 1:
        raise ValueError(f"columns and most: expected at least 1, got {columns} and {most}")
    people = list(presences(video.tracks, named=video.named))
    shown = people
    if len(people) > most:
        longest = sorted(people, key=lambda one: one.frames, reverse=True)[:most]
        shown = [one for one in people if one in longest]
    across = max(min(columns, len(shown)), 3)
    down = -(-max(len(shown), 1) // across)
    width = 2 * _EDGE + across * (_SIDE + _GAP) - _GAP
    cell = _SIDE + 3 * _LINE + _GAP
    canvas = PILImage.new("RGB", (width, 2 * _EDGE + 2 * _LINE + down * cell), PAPER)
    pen = ImageDraw.Draw(canvas)
    write_words(pen, (_EDGE, _EDGE), _title(video, people, shown), _TEXT, width - 2 * _EDGE)
    colors = colors_of(video)
    for number, one in enumerate(shown):
        left = _EDGE + number % across * (_SIDE + _GAP)
        top = _EDGE + 2 * _LINE + number // across * cell
        face = face_of(one, _SIDE)
        pen.rectangle((left, top, left + _SIDE - 1, top + _SIDE - 1), fill=PALE)
        if face is not None:
            canvas.paste(face, (left, top))
        pen.rectangle(
            (left, top + _SIDE, left + _SIDE - 1, top + _SIDE + 4), fill=colors(one.label)
        )
        for line, text in enumerate(_lines(one), 1):
            size = _TEXT if line == 1 else _TEXT - 4
            y = top + _SIDE + 8 + (line - 1) * _LINE
            write_words(pen, (left, y), text, size, _SIDE)
    return np.asarray(canvas)


def _title(video: TrackedVideo, people: list[Presence], shown: list[Presence]) -> str:
    text = (
        "nobody" if not people else f"{len(people):,} {'person' if len(people) == 1 else 'people'}"
    )
    if len(shown) < len(people):
        text += f", of whom {len(shown):,} are shown"
    return f"{video.source.name}: {text}"


def _lines(one: Presence) -> tuple[str, str, str]:
    spans = one.spans
    times = f"{clock(spans[0].first_time)} – {clock(spans[-1].last_time)}, {one.seconds:.1f} s"
    if one.known and one.similarity is not None:
        return one.label, times, f"similarity {one.similarity:.2f}, sure {one.confidence:.0%}"
    return one.label, times, f"{one.frames:,} {'frame' if one.frames == 1 else 'frames'}"
