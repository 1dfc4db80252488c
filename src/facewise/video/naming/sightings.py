"""The faces of a first pass over a video, kept in a file until a second pass asks for them."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import numpy as np

from facewise.faces import Faces

if TYPE_CHECKING:
    from types import TracebackType

    from facewise.video.tracking import TrackedFrame

_FRAME = np.dtype([("index", "<i8"), ("faces", "<i8"), ("landmarks", "?")])
_FACE = np.dtype(
    [
        ("box", "<f4", 4),
        ("score", "<f4"),
        ("landmarks", "<f4", (5, 2)),
        ("track", "<i8"),
        ("detected", "?"),
    ]
)


class Sightings:
    """Which faces were on which frame: written in order, then read in order.

    They lie in a file without a name, which is gone when this is closed: so memory does not grow
    with the length of the video. A frame takes 17 bytes, and 69 for each face.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._next: tuple[int, Faces] | None = None
        self._reading = False

    def add(self, tracked: TrackedFrame) -> None:
        """The faces of the next frame."""
        faces = tracked.faces
        rows = np.zeros(len(faces), _FACE)
        rows["box"], rows["score"] = faces.boxes, faces.scores
        rows["track"], rows["detected"] = faces.data["track"], faces.data["detected"]
        if faces.landmarks is not None:
            rows["landmarks"] = faces.landmarks
        head = np.array([(tracked.index, len(faces), faces.landmarks is not None)], _FRAME)
        self._file.write(head.tobytes() + rows.tobytes())

    def of(self, index: int) -> Faces:
        """The faces of a frame, with the columns `track` and `detected`; none, if it is not there.

        Args:
            index: of the frame, higher than any that was asked for before.
        """
        if not self._reading:
            self._file.seek(0)
            self._reading = True
            self._next = self._read()
        while self._next is not None and self._next[0] < index:
            self._next = self._read()
        if self._next is not None and self._next[0] == index:
            return self._next[1]
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

    def _read(self) -> tuple[int, Faces] | None:
        content = self._file.read(_FRAME.itemsize)
        if not content:
            return None
        [(index, count, landmarks)] = np.frombuffer(content, _FRAME).tolist()
        rows = np.frombuffer(self._file.read(count * _FACE.itemsize), _FACE)
        points = rows["landmarks"] if landmarks else None
        faces = Faces(rows["box"], rows["score"], points)
        return index, faces.with_data(track=rows["track"], detected=rows["detected"])
