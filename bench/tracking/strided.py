"""What facenet-pytorch does with videos: MTCNN on every frame, and FastMTCNN."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.peers import facenet_pytorch

Frame = NDArray[np.uint8]
Boxes = NDArray[np.float32]

_BATCH = 60
"""Frames."""

_AHEAD = 128
"""Frames that the reader of FastMTCNN's notebook has ready at most."""


class EveryFrame:
    """MTCNN on every frame, one after another, as in facenet-pytorch's notebook of face tracking.

    With that notebook's settings, but given arrays, which are faster than PIL images.
    """

    name = "facenet-pytorch MTCNN, every frame"

    def __init__(self) -> None:
        self._net = facenet_pytorch().MTCNN(keep_all=True, device="cpu")

    def __call__(self, video: Path, count: int) -> list[Boxes]:
        """The boxes of each of the first so many frames."""
        return [_boxes(self._net.detect(frame)[0]) for frame in _read(video, count)]


class FastMtcnn:
    """The algorithm of facenet-pytorch's notebook "Fast MTCNN detector".

    Frames are read in a thread and gathered in batches of 60. MTCNN looks at every nth of a batch,
    all of them in one call, and its boxes stand for the frames up to the next; what is in them is
    cut out. (T. Esler, kaggle.com/timesler/fast-mtcnn-detector-55-fps-at-full-resolution.)

    Args:
        resize: what frames are multiplied by first.
        stride: n.
    """

    def __init__(self, resize: float = 1.0, stride: int = 4) -> None:
        settings = {"margin": 14, "factor": 0.6, "keep_all": True, "device": "cpu"}
        self._net = facenet_pytorch().MTCNN(**settings)
        self._stride, self._resize = stride, resize
        self.name = self.title(resize, stride)

    @staticmethod
    def title(resize: float, stride: int = 4) -> str:
        """What it is called with these settings."""
        return f"FastMTCNN, every {stride}th frame, resize {resize:g}"

    def __call__(self, video: Path, count: int) -> list[Boxes]:
        """The boxes of each of the first so many frames."""
        found: list[Boxes] = []
        batch: list[Frame] = []
        with _read_aside(video, count) as frames:
            for number, frame in enumerate(frames, 1):
                batch.append(frame)
                if len(batch) == _BATCH or number == count:
                    found += self._detect(batch)
                    batch = []
        return found

    def _detect(self, frames: Sequence[Frame]) -> list[Boxes]:
        if self._resize != 1:
            height, width = frames[0].shape[:2]
            size = int(width * self._resize), int(height * self._resize)
            frames = [np.asarray(cv2.resize(frame, size), np.uint8) for frame in frames]
        looked, _ = self._net.detect(list(frames[:: self._stride]))
        held = [_boxes(looked[i // self._stride]) for i in range(len(frames))]
        for frame, boxes in zip(frames, held, strict=True):
            _cut(frame, boxes)
        return [boxes / np.float32(self._resize) for boxes in held]


def _cut(frame: Frame, boxes: Boxes) -> list[Frame]:
    return [frame[int(y1) : int(y2), int(x1) : int(x2)] for x1, y1, x2, y2 in boxes]


def _read(video: Path, count: int) -> Iterator[Frame]:
    """RGB frames, as OpenCV reads them."""
    capture = cv2.VideoCapture(str(video))
    try:
        for _ in range(count):
            read, frame = capture.read()
            if not read:
                raise ValueError(f"{video}: expected {count} frames")
            yield np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)
    finally:
        capture.release()


@contextmanager
def _read_aside(video: Path, count: int) -> Iterator[Iterator[Frame]]:
    """The same, read ahead in a thread."""
    ready: queue.Queue[Any] = queue.Queue(_AHEAD)

    def read() -> None:
        try:
            for frame in _read(video, count):
                ready.put(frame)
            ready.put(None)
        except Exception as error:  # told to the caller
            ready.put(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    yield _taken(ready)
    thread.join()


def _taken(ready: queue.Queue[Any]) -> Iterator[Frame]:
    while (frame := ready.get()) is not None:
        if isinstance(frame, Exception):
            raise frame
        yield frame


def _boxes(answer: Any) -> Boxes:
    if answer is None:
        return np.empty((0, 4), np.float32)
    return np.asarray(answer, np.float32).reshape(-1, 4)
