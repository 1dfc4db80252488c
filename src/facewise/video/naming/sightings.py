"""The faces of a first pass over a video, kept in a file until a second pass asks for them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facewise.faces import Faces

if TYPE_CHECKING:
    from types import TracebackType

    from facewise.video.tracking import TrackedFrame

_FRAME = np.dtype([("index", "<i8"), ("time", "<f8"), ("faces", "<i8"), ("landmarks", "?")])
_FACE = np.dtype(
    [
        ("box", "<f4", 4),
        ("score", "<f4"),
        ("landmarks", "<f4", (5, 2)),
        ("track", "<i8"),
        ("detected", "?"),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """The faces of one frame.

    Attributes:
        index: of the frame.
        time: seconds, of the frame.
        faces: with the columns `track` and `detected`.
    """

    index: int
    time: float
    faces: Faces


class Sightings:
    """Which faces were on which frame: written in order, then read in order, as often as wanted.

    They lie in a file without a name, which is gone when this is closed: so memory does not grow
    with the length of the video. A frame takes 25 bytes, and 69 for each face.

    Attributes:
        frames: how many were added.
    """

    def __init__(self) -> None:
        self.frames = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._end = 0
        self._reading: Iterator[Sighting] | None = None
        self._next: Sighting | None = None

    def add(self, tracked: TrackedFrame) -> None:
        """The faces of the next frame."""
        faces = tracked.faces
        rows = np.zeros(len(faces), _FACE)
        rows["box"], rows["score"] = faces.boxes, faces.scores
        rows["track"], rows["detected"] = faces.data["track"], faces.data["detected"]
        if faces.landmarks is not None:
            rows["landmarks"] = faces.landmarks
        head = (tracked.index, tracked.time, len(faces), faces.landmarks is not None)
        content = np.array([head], _FRAME).tobytes() + rows.tobytes()
        self._file.seek(self._end)
        self._file.write(content)
        self._end += len(content)
        self.frames += 1

    def __iter__(self) -> Iterator[Sighting]:
        """All frames, from the first one on; several may read at the same time, in one thread."""
        place = 0
        while place < self._end:
            self._file.seek(place)
            content = self._file.read(_FRAME.itemsize)
            [(index, time, count, landmarks)] = np.frombuffer(content, _FRAME).tolist()
            rows = np.frombuffer(self._file.read(count * _FACE.itemsize), _FACE)
            place += len(content) + rows.nbytes
            faces = Faces(rows["box"], rows["score"], rows["landmarks"] if landmarks else None)
            columns = {"track": rows["track"], "detected": rows["detected"]}
            yield Sighting(index, time, faces.with_data(**columns))

    def of(self, index: int) -> Faces:
        """The faces of a frame, with the columns `track` and `detected`; none, if it is not there.

        Args:
            index: of the frame, higher than any that was asked for before.
        """
        if self._reading is None:
            self._reading = iter(self)
            self._next = next(self._reading, None)
        while self._next is not None and self._next.index < index:
            self._next = next(self._reading, None)
        if self._next is not None and self._next.index == index:
            return self._next.faces
        return Faces.empty(landmarks=False).with_data(
            track=np.empty(0, np.int64), detected=np.empty(0, bool)
        )

    def close(self) -> None:
        """Remove the file."""
        self._file.close()

    def __enter__(self) -> Sightings:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
