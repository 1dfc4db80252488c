"""A picture of who is on a video when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw

from facewise.recognition import UNKNOWN
from facewise.video.results.canvas import INK, PALE, PAPER, clock, face_of, write_words
from facewise.video.results.labels import NOBODY
from facewise.video.results.presence import presences
from facewise.video.results.writing import colors_of

if TYPE_CHECKING:
    from facewise.images import Picture
    from facewise.video.results.presence import Presence
    from facewise.video.results.tracked_video import TrackedVideo

    Color = tuple[int, int, int]

_WIDTH, _NAMES, _EDGE = 1600, 330, 24
_ROW, _BAR, _FACE, _TEXT = 44, 22, 38, 18
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600)


def timeline(video: TrackedVideo, *, most: int = 100) -> Picture:
    """A row for each person, with a bar where the person is to be seen.

    Args:
        video: what was found.
        most: rows at most; below them it says how many people are left out, those who are seen for
            the shortest time.

    Returns:
        uint8 RGB (h, 1600, 3).
    """
    people = list(presences(video.tracks, named=video.named))
    shown = people
    if len(people) > most:
        longest = sorted(people, key=lambda one: one.frames, reverse=True)[:most]
        shown = [one for one in people if one in longest]
    height = 2 * _EDGE + 2 * _ROW + max(len(shown), 1) * _ROW
    canvas = PILImage.new("RGB", (_WIDTH, height), PAPER)
    pen = ImageDraw.Draw(canvas)
    scale = _Scale(video)
    write_words(pen, (_EDGE, _EDGE), video.source.name, _TEXT + 2, _WIDTH - 2 * _EDGE)
    top = _EDGE + _ROW
    bottom = top + max(len(shown), 1) * _ROW
    for time in scale.ticks():
        x = scale.x(time)
        pen.line((x, top, x, bottom), fill=PALE)
        write_words(pen, (x, bottom + 8), scale.words(time), _TEXT - 3, 200, "mt")
    pen.line((_NAMES, bottom, _WIDTH - _EDGE, bottom), fill=INK)
    colors = colors_of(video)
    for row, one in enumerate(shown):
        color = NOBODY if one.label == UNKNOWN else colors(one.label)
        _draw_row(canvas, pen, scale, one, top + row * _ROW, color)
    if not shown:
        write_words(pen, (_EDGE, top + _ROW / 2), "nobody", _TEXT, _NAMES, "lm")
    if len(shown) < len(people):
        text = f"and {len(people) - len(shown):,} more"
        write_words(pen, (_EDGE, bottom + 8), text, _TEXT - 3, _NAMES)
    return np.asarray(canvas)


class _Scale:
    """From seconds to pixels."""

    def __init__(self, video: TrackedVideo) -> None:
        first, last = video.times or (0.0, 0.0)
        self.frame = 1 / video.source.rate
        self._first, self._last = first, last + self.frame

    def x(self, time: float) -> float:
        part = (time - self._first) / (self._last - self._first)
        return _NAMES + part * (_WIDTH - _EDGE - _NAMES)

    def ticks(self) -> list[float]:
        """At most some 12 round times."""
        step = next((s for s in _STEPS if (self._last - self._first) / s <= 12), None)
        if step is None:
            step = 86_400 * max(1, round((self._last - self._first) / 86_400 / 12))
        start = int(np.ceil(self._first / step - 1e-9))
        end = int(np.floor(self._last / step + 1e-9))
        return [number * step for number in range(start, end + 1)]

    def words(self, time: float) -> str:
        short = self._last - self._first < 10
        return f"{time:.1f} s" if short else clock(time)


def _draw_row(
    canvas: PILImage.Image,
    pen: ImageDraw.ImageDraw,
    scale: _Scale,
    one: Presence,
    top: float,
    color: Color,
) -> None:
    middle = top + _ROW / 2
    face = face_of(one, _FACE)
    if face is not None:
        canvas.paste(face, (_EDGE, round(middle - _FACE / 2)))
    write_words(
        pen, (_EDGE + _FACE + 10, middle), one.label, _TEXT, _NAMES - _EDGE - _FACE - 22, "lm"
    )
    pen.line((_NAMES, middle, _WIDTH - _EDGE, middle), fill=PALE)
    for span in one.spans:
        left, right = scale.x(span.first_time), scale.x(span.last_time + scale.frame)
        box = (left, middle - _BAR / 2, max(right, left + 2), middle + _BAR / 2)
        pen.rectangle(box, fill=color)
