"""One frame as viewers get it: the picture and its faces in one message."""

from __future__ import annotations

import json
import struct
import threading
from typing import TYPE_CHECKING, Any

import cv2

from facewise.recognition import UNKNOWN
from facewise.video.results.labels import Colors, labels_of

if TYPE_CHECKING:
    from facewise.video.tracking import TrackedFrame

_JPEG_QUALITY = 80


class Shown:
    """A frame that may be shown to viewers.

    Attributes:
        number: of frames that were watched, from 1 on.
        tracked: the frame, whose faces have names.

    Args:
        number: see above.
        tracked: see above.
        fps: frames a second that are watched now.
        colors: who has which colour.
        width: pixels at most of the picture that is sent.
    """

    def __init__(
        self, number: int, tracked: TrackedFrame, fps: float, colors: Colors, width: int
    ) -> None:
        self.number = number
        self.tracked = tracked
        self._fps = fps
        self._colors = colors
        self._width = width
        self._lock = threading.Lock()
        self._message: bytes | None = None

    def header(self) -> dict[str, Any]:
        """What belongs to the picture; boxes are `[x1, y1, x2, y2]` as parts of it, in [0, 1]."""
        frame, faces = self.tracked.frame, self.tracked.faces
        names, labels = faces.data["name"].tolist(), labels_of(faces)
        scale = (frame.width, frame.height) * 2
        boxes = (faces.boxes / scale).clip(0, 1).round(5).tolist()
        rows = zip(
            faces.data["track"].tolist(),
            boxes,
            names,
            labels,
            faces.data["similarity"].tolist(),
            faces.data["confidence"].tolist(),
            strict=True,
        )
        return {
            "number": self.number,
            "time": round(self.tracked.time, 3),
            "width": frame.width,
            "height": frame.height,
            "fps": round(self._fps, 1),
            "faces": [
                {
                    "track": track,
                    "box": box,
                    "name": label,
                    "known": name != UNKNOWN,
                    "similarity": None if alike == -1 else round(alike, 4),
                    "confidence": round(sure, 3),
                    "color": "#{:02x}{:02x}{:02x}".format(*self._colors(label)),
                }
                for track, box, name, label, alike, sure in rows
            ],
        }

    def message(self) -> bytes:
        """Four bytes, big endian: the length of the header; the header as JSON; a JPEG file.

        It is made once, by who asks first.
        """
        with self._lock:
            if self._message is None:
                header = json.dumps(self.header()).encode()
                self._message = struct.pack(">I", len(header)) + header + self._jpeg()
            return self._message

    def _jpeg(self) -> bytes:
        image = self.tracked.image
        height, width = image.shape[:2]
        if width > self._width:
            size = (self._width, max(1, round(height * self._width / width)))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        return bytes(cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)[1])
