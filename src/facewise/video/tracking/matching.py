"""The tracks and the detections of a look brought together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from facewise.video.tracking.association import (
    IMPOSSIBLE,
    NEAR,
    assign,
    costs,
    nearness,
    plain_pairs,
)
from facewise.video.tracking.boxes import overlaps
from facewise.video.tracking.paths import Path, joined, led_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.video.tracking.glance import Glance
    from facewise.video.tracking.segment import Segment
    from facewise.video.tracking.tracks import Anchor, Track

    Floats = NDArray[np.float32]

_LOOKS = 1.0
"""Weight of a likeness, from -1 to 1, in the cost of a pair."""


_DIFFER = 0.6
"""How much two may differ in looks who are in one place (one may be hidden in part) …"""

_UNSURE = 0.5
"""… and the cost above 1 from which on, being far from where they should be, they may not."""

_PLACED = 0.5
"""Cost by place up to which looks forbid nothing."""

_ALIKE = 0.5
"""Correlation below which a place that was followed to no longer shows the face."""


_SIMILAR = 0.25
"""Correlation below which it certainly does not."""

_FIRM = 0.8
"""Correlation down to which a face is not hidden even in part, and its motion its own."""

_TOGETHER, _CLEAR = 0.4, 0.2
"""Overlap from which on two ways have come together, and below which they had not."""


def matched(
    tracks: Sequence[Track],
    found: Sequence[Anchor],
    segment: Segment,
    now: float,
    glance: Glance | None,
) -> tuple[dict[int, tuple[int, Path]], dict[int, Path]]:
    """Which detection is which track.

    Where a track and a detection lie on each other and on nobody else, that is it. The others are
    followed back through the segment, and their ways compared, and their looks. What is left over
    then goes by where the tracks should be: nobody else is there who a face may be.

    Args:
        tracks: followed to the last frame of the segment.
        found: on that frame.
        segment: the frames between.
        now: the time of that frame.
        glance: compares looks; None: nobody can.

    Returns:
        For each matched track the number of its detection and its way through the segment; and for
        each detection that is nobody's, its way back.
    """
    pairs: dict[int, tuple[int, Path]] = {}
    if tracks and found:
        ends = np.stack([track.boxes[-1] for track in tracks])
        trust = np.array([track.trust[-1] for track in tracks], np.float32)
        trust[_other(tracks, segment.patches(ends)) | _crossed(tracks)] = 0
        for row, column in plain_pairs(ends, trust, np.stack([face.box for face in found])):
            pairs[row] = column, led_to(tracks[row].path, found[column].box)
    taken = {column for column, _ in pairs.values()}
    rows = [row for row in range(len(tracks)) if row not in pairs]
    columns = [column for column in range(len(found)) if column not in taken]
    boxes = np.stack([found[j].box for j in columns]) if columns else np.empty((0, 4), np.float32)
    sure, shown = _back(boxes, segment)
    ways = dict(zip(columns, shown, strict=True))
    some = [tracks[row] for row in rows]
    _doubt(some, segment)
    table = costs(
        [track.path for track in some],
        sure,
        [now - track.seen for track in some],
    )
    for i, j in assign(_judged(table, glance, some, columns)):
        pairs[rows[i]] = columns[j], joined(some[i].way, ways.pop(columns[j]))
    rows, columns = [row for row in rows if row not in pairs], list(ways)
    some = [tracks[row] for row in rows]
    table = nearness(
        np.stack([track.boxes[-1] for track in some]) if some else boxes[:0],
        np.stack([found[j].box for j in columns]) if columns else boxes[:0],
        [now - track.seen for track in some],
    )
    for i, j in assign(_judged(table, glance, some, columns)):
        pairs[rows[i]] = columns[j], joined(some[i].way, ways.pop(columns[j]))
    return pairs, ways


def _other(tracks: Sequence[Track], shown: Floats) -> NDArray[np.bool_]:
    """Which tracks are on what does not look like them, of n patches (n, 256)."""
    return np.array(
        [
            track.patch is not None and float(track.patch @ patch) < _ALIKE
            for track, patch in zip(tracks, shown, strict=True)
        ],
        bool,
    )


def _crossed(tracks: Sequence[Track]) -> NDArray[np.bool_]:
    """Which tracks have been near another in this segment."""
    near = np.zeros((len(tracks), len(tracks)), bool)
    for boxes in zip(*(track.boxes for track in tracks), strict=True):
        frame = np.stack(boxes)
        near |= overlaps(frame[:, None], frame[None]) > NEAR
    crossed: NDArray[np.bool_] = near.sum(axis=1) > 1
    return crossed


def _doubt(tracks: Sequence[Track], segment: Segment) -> None:
    """Lose tracks where they stopped looking like what they followed."""
    some = [track for track in tracks if track.patch is not None and track.trust[-1] > 0]
    if some:
        faces = np.stack([track.patch for track in some if track.patch is not None])
        ways = [track.path for track in some]
        alike = segment.likeness(faces, ways)
        met = _met(ways, alike)
        for track, way, row, last in zip(some, ways, alike, met, strict=True):
            track.shown = _cut(way, min(_last(row, _SIMILAR), last))
            sure = min(_last(row, _ALIKE), last)
            track.lose(sure, _last(row[: sure + 1], _FIRM))


def _back(boxes: Floats, segment: Segment) -> tuple[list[Path], list[Path]]:
    """Boxes of the last frame followed back, as far as they look the same, and nearly the same."""
    ways = segment.back(boxes)
    if not ways:
        return [], []
    alike = segment.likeness(segment.patches(boxes), ways)[:, ::-1]
    turned = [_turned(way) for way in ways]
    met = _met(turned, alike)
    return tuple(
        [
            _turned(_cut(way, min(_last(row, limit), last)))
            for way, row, last in zip(turned, alike, met, strict=True)
        ]
        for limit in (_ALIKE, _SIMILAR)
    )  # type: ignore[return-value]  # two of them


def _last(alike: Floats, limit: float) -> int:
    """The last place that looks like the face; the first one does."""
    places = np.flatnonzero(alike >= limit)
    return int(places[-1]) if len(places) else 0


def _cut(way: Path, last: int) -> Path:
    """A way that is known up to a place."""
    trust = way.trust.copy()
    trust[last + 1 :] = 0
    return Path(way.boxes, trust)


def _turned(way: Path) -> Path:
    return Path(way.boxes[::-1], way.trust[::-1])


def _met(ways: Sequence[Path], alike: Floats) -> list[int]:
    """The last place at which each way is still its own.

    Where two ways have come together, only that goes on which looks more like its own face: the
    other is hidden behind it.
    """
    last = [len(way.trust) - 1 for way in ways]
    similar = [_last(row, _SIMILAR) for row in alike]
    boxes = np.stack([way.boxes for way in ways], axis=1)
    touching = np.zeros((len(ways), len(ways)), bool)
    for frame in boxes[1:]:
        touching |= overlaps(frame[:, None], frame[None]) >= _TOGETHER
    for i, j in np.argwhere(np.tril(touching, -1)).tolist():
        end = min(last[i], last[j], similar[i], similar[j])
        common = overlaps(ways[i].boxes[: end + 1], ways[j].boxes[: end + 1])
        if end == 0 or common[-1] < _TOGETHER:
            continue
        clear = np.flatnonzero(common < _CLEAR)
        met = int(clear[-1]) if len(clear) else 0
        mine, theirs = (alike[k, met + 1 : end + 1].mean() for k in (i, j))
        last[i if mine < theirs else j] = met
    return last


def _judged(
    table: Floats, glance: Glance | None, tracks: Sequence[Track], columns: Sequence[int]
) -> Floats:
    """Costs, with the looks taken into account; two who differ are no pair.

    But a face that is not clear may look like nobody, and one that is where the track leads is
    no other for its looks.
    """
    if glance is None or not table.size:
        return table
    likeness = glance.likeness(tracks, columns, table < IMPOSSIBLE)
    clear = glance.clear[list(columns)]
    known = ~np.isnan(likeness)
    possible = table < IMPOSSIBLE
    result = np.where(known & possible, table - _LOOKS * np.nan_to_num(likeness), table)
    least = -_DIFFER * np.clip(1 - (table - 1) / _UNSURE, 0, 1)
    result[known & (likeness < least) & (table > _PLACED) & clear] = IMPOSSIBLE
    return np.asarray(result, np.float32)
