"""What a tracker gave for a video, and its file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from facewise.video.tracking import TrackedFrame


@dataclass(frozen=True, eq=False)
class Tracked:
    """The faces of one frame.

    Attributes:
        ids: int64 (n,), of the tracks.
        boxes: float32 (n, 4), `(x1, y1, x2, y2)`.
        names: of the tracks as far as they are known by this frame, or none.
    """

    ids: NDArray[np.int64]
    boxes: NDArray[np.float32]
    names: Sequence[str] = ()


NOTHING = Tracked(np.empty(0, np.int64), np.empty((0, 4), np.float32))
"""A frame without faces."""


def from_frames(frames: Iterable[TrackedFrame], count: int) -> list[Tracked]:
    """What facewise's tracker gave, for each of so many frames.

    Raises:
        ValueError: a frame is given twice, out of order, or not at all.
    """
    tracked: list[Tracked] = []
    for frame in frames:
        if frame.index != len(tracked):
            raise ValueError(f"frame {len(tracked)}: expected next, got frame {frame.index}")
        faces = frame.faces
        names = faces.data.get("name", np.empty(0, str)).tolist()
        tracked.append(Tracked(faces.data["track"], faces.boxes, names))
    if len(tracked) != count:
        raise ValueError(f"expected {count} frames, got {len(tracked)}")
    return tracked


def write_tracked(tracked: Sequence[Tracked], path: Path) -> None:
    """As MOTChallenge takes results: frame, id, left, top, width, height, 1, -1, -1, -1."""
    lines = []
    for number, frame in enumerate(tracked, 1):
        for track, (x1, y1, x2, y2) in zip(frame.ids, frame.boxes.tolist(), strict=True):
            place = f"{x1 + 1:.2f},{y1 + 1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
            lines.append(f"{number},{track},{place},1,-1,-1,-1\n")
    path.write_text("".join(lines), encoding="utf-8")


def read_tracked(path: Path, count: int) -> list[Tracked]:
    """What `write_tracked` wrote, for so many frames; without names."""
    rows: list[list[list[float]]] = [[] for _ in range(count)]
    for line in path.read_text(encoding="utf-8").splitlines():
        values = [float(value) for value in line.split(",")]
        rows[int(values[0]) - 1].append(values[1:6])
    tracked = []
    for own in rows:
        table = np.array(own, np.float64).reshape(-1, 5)
        corners = table[:, 1:3] - 1
        boxes = np.hstack([corners, corners + table[:, 3:]]).astype(np.float32)
        tracked.append(Tracked(table[:, 0].astype(np.int64), boxes))
    return tracked
