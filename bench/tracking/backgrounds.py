"""Real pictures without faces, to stand behind and before the heads."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import facewise
from bench.inputs import read_video
from bench.tracking.scene import Picture

Background = Callable[[int], Picture]
Region = tuple[int, int, int, int]

_FRAMES = 50
"""Frames of the video that are used, there and back."""

_SKIN = ((0, 133, 77), (255, 173, 127))
"""Least and greatest luma, red and blue difference of skin (Chai and Ngan 1999)."""


def hall(shared: Path, region: Region, size: tuple[int, int]) -> Background:
    """A part of the video in the data folder, as it moves; its upper half has no faces.

    Args:
        shared: the data folder.
        region: x1, y1, x2, y2 in pixels of the video.
        size: width and height to bring it to.
    """
    x1, y1, x2, y2 = region
    frames = _video(shared / "data/photos/video.mp4")

    def picture(number: int) -> Picture:
        place = number % (2 * len(frames) - 2)
        frame = frames[min(place, 2 * len(frames) - 2 - place)]
        return _sized(frame[y1:y2, x1:x2], size)

    return picture


def photo(path: Path, region: Region, size: tuple[int, int]) -> Background:
    """A part of a photo."""
    x1, y1, x2, y2 = region
    image = _sized(facewise.load_image(path)[y1:y2, x1:x2], size)
    return lambda _: image


def margins(lfw: Path, size: tuple[int, int], rng: np.random.Generator) -> Background:
    """A wall of what stands at the upper left of pictures of LFW, enlarged."""
    pictures = sorted(lfw.glob("*/*_0001.jpg"))
    width, height = size
    tile = height // 3
    wall = np.zeros((3 * tile, (width // tile + 1) * tile, 3), np.uint8)
    for top in range(0, wall.shape[0], tile):
        for left in range(0, wall.shape[1], tile):
            part = _corner(pictures, rng)
            wall[top : top + tile, left : left + tile] = _sized(part, (tile, tile))
    image = _sized(wall[:, :width], size)
    return lambda _: image


def pillar(shared: Path, width: int, height: int) -> NDArray[np.float32]:
    """A column of the hall, as a thing to stand behind."""
    frame = _video(shared / "data/photos/video.mp4")[0]
    return _thing(frame[180:620, 1520:1600], width, height)


def board(shared: Path, width: int, height: int) -> NDArray[np.float32]:
    """The writing on the hall's wall, as a board that is carried through the picture."""
    frame = _video(shared / "data/photos/video.mp4")[0]
    return _thing(frame[190:520, 900:1160], width, height)


def _corner(pictures: list[Path], rng: np.random.Generator) -> Picture:
    """The upper left corner of a picture, if it has nothing of the colour of skin (somebody may
    stand there), and none of the black that straightening has left.
    """
    while True:
        part = facewise.load_image(pictures[int(rng.integers(len(pictures)))])[14:74, 8:68]
        colours = cv2.cvtColor(part, cv2.COLOR_RGB2YCrCb)
        skin = cv2.inRange(colours, np.array(_SKIN[0]), np.array(_SKIN[1])) > 0
        if skin.mean() < 0.03 and part.max(axis=2).min() > 12:
            return part


def _thing(part: Picture, width: int, height: int) -> NDArray[np.float32]:
    """Opaque but for its edges."""
    pixels = _sized(part, (width, height)).astype(np.float32)
    alpha = np.ones((height, width, 1), np.float32)
    for edge, value in ((0, 0.0), (1, 0.5)):
        alpha[edge], alpha[-1 - edge] = value, value
        alpha[:, edge], alpha[:, -1 - edge] = value, value
    return np.concatenate([pixels * alpha, alpha], axis=2)


def _sized(image: Picture, size: tuple[int, int]) -> Picture:
    if image.shape[1::-1] == size:
        return np.ascontiguousarray(image)
    smaller = image.shape[1] > size[0]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


@lru_cache(maxsize=1)
def _video(path: Path) -> list[Picture]:
    """Of all frames what is above the people."""
    return [frame[:640].copy() for frame in read_video(path, _FRAMES)]
