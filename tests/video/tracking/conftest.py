"""Frames in which textured squares move, and a detector that knows them by their blue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from scipy.ndimage import find_objects

from facewise.faces import Faces
from facewise.video.frames import VideoFrame

WIDTH, HEIGHT, RATE = 320, 240, 25.0
BACKGROUND_BLUE = 0
LANDMARKS = np.array([[0.3, 0.35], [0.7, 0.35], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])


def texture(seed, height, width, grain=5):
    """Gray, smooth, and full of corners: uint8 (height, width)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(20, 235, (height // grain + 2, width // grain + 2)).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 255)


@dataclass
class Square:
    """A "face" with its own blue, at `where(i)`: the middle on frame i, or None."""

    where: Callable[[int], tuple[float, float] | None]
    blue: int
    side: int | Callable[[int], float] = 40
    seed: int | None = None

    def box(self, i):
        middle = self.where(i)
        if middle is None:
            return None
        half = (self.side(i) if callable(self.side) else self.side) / 2
        return np.array([middle[0] - half, middle[1] - half, middle[0] + half, middle[1] + half])


def picture(i, squares, *, width=WIDTH, height=HEIGHT, background=1):
    """Frame i, uint8 RGB; later squares are in front."""
    gray = texture(background, height, width)
    image = np.stack([gray, gray, np.full_like(gray, BACKGROUND_BLUE)], axis=2)
    for square in squares:
        box = square.box(i)
        if box is None:
            continue
        face = texture(square.seed or 1000 + square.blue, 64, 64, grain=8)
        patch = np.stack([face, face, np.full_like(face, square.blue)], axis=2)
        low = np.floor(box[:2]).astype(int).clip(0, (width, height))
        high = np.ceil(box[2:]).astype(int).clip(0, (width, height))
        size = tuple((high - low).tolist())
        if min(size) == 0:
            continue
        scale = (box[2] - box[0]) / 64
        matrix = np.array([[scale, 0, box[0] - low[0]], [0, scale, box[1] - low[1]]], np.float32)
        mask = cv2.warpAffine(np.ones((64, 64), np.float32), matrix, size) > 0.5
        drawn = cv2.warpAffine(patch, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        image[low[1] : high[1], low[0] : high[0]][mask] = drawn[mask]
    return image.round().astype(np.uint8)


def frames(count, squares, *, start=0, **options):
    """Frames start, start + 1, …"""
    for i in range(start, start + count):
        yield VideoFrame(i, i / RATE, picture(i, squares, **options))


@dataclass
class BlueDetector:
    """Finds squares of which at least half can be seen, also in a part of a frame.

    `false` has boxes that it sees on top, by the number of its look at a whole frame.
    """

    blues: Sequence[int]
    points: bool = True
    least: int = 150
    false: Mapping[int, Sequence[Sequence[float]]] = field(default_factory=dict)
    whole: int = 0
    parts: int = 0
    settings: Mapping[str, object] = field(default_factory=dict)

    def detect(self, images):
        return [self._faces(np.asarray(image)) for image in images]

    def _faces(self, image):
        plane = np.asarray(image[:, :, 2])
        places, counts = find_objects(plane, 255), np.bincount(plane.ravel(), minlength=256)
        boxes = [self._box(places[blue - 1], counts[blue]) for blue in self.blues]
        boxes = [box for box in boxes if box is not None]
        if image.shape[0] >= HEIGHT // 2 and image.shape[1] >= WIDTH // 2:
            boxes += self.false.get(self.whole, ())
            self.whole += 1
        else:
            self.parts += 1
        if not boxes:
            return Faces.empty(landmarks=self.points)
        boxes = np.array(boxes, np.float32)
        sides = boxes[:, None, 2:] - boxes[:, None, :2]
        points = boxes[:, None, :2] + LANDMARKS * sides if self.points else None
        return Faces(boxes, np.full(len(boxes), 0.99), points)

    def _box(self, place, count):
        if place is None or count < self.least:
            return None
        y1, y2, x1, x2 = place[0].start, place[0].stop, place[1].start, place[1].stop
        hidden = count < 0.5 * max(x2 - x1, y2 - y1) ** 2  # at least half of it
        return None if hidden else (x1, y1, x2, y2)


@dataclass
class BlueEmbedder:
    """Everybody's own unit vector, by the blue in the middle of the box."""

    calls: int = 0
    spec: object = field(default_factory=lambda: SimpleNamespace(thresholds=()))

    def embed_faces(self, images, faces):
        vectors = []
        for image, some in zip(images, faces, strict=True):
            table = np.zeros((len(some), 256), np.float32)
            middles = ((some.boxes[:, :2] + some.boxes[:, 2:]) / 2).round().astype(int)
            for row, (x, y) in zip(table, middles, strict=True):
                self.calls += 1
                row[image[y.clip(0, image.shape[0] - 1), x.clip(0, image.shape[1] - 1), 2]] = 1
            vectors.append(table)
        return vectors


def overlap(one, other):
    """Intersection over union of two boxes."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    common = np.prod(np.maximum(high - low, 0))
    return common / (np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - common)


def numbers(tracked, square, least=0.5):
    """The number that a square has on each frame; None where it has none."""
    result = []
    for frame in tracked:
        box = square.box(frame.index)
        found = None
        if box is not None and len(frame.faces):
            common = [overlap(box, other) for other in frame.faces.boxes]
            if max(common) >= least:
                found = int(frame.faces.data["track"][int(np.argmax(common))])
        result.append(found)
    return result


@pytest.fixture(scope="session")
def moving():
    """All of the above."""
    names = ("Square", "BlueDetector", "BlueEmbedder", "frames", "picture", "texture")
    more = {"overlap": overlap, "numbers": numbers, "LANDMARKS": LANDMARKS, "RATE": RATE}
    return SimpleNamespace(**{name: globals()[name] for name in names}, **more)
