"""Frames and chips to measure with, from the shared data folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import facewise
from bench.contest import UnavailableError

Frame = NDArray[np.uint8]


def read_video(path: Path, limit: int | None = None) -> list[Frame]:
    """The first `limit` frames, or all, RGB.

    Raises:
        UnavailableError: it cannot be read.
    """
    capture = cv2.VideoCapture(str(path))
    frames: list[Frame] = []
    while (limit is None or len(frames) < limit) and (read := capture.read())[0]:
        frames.append(np.ascontiguousarray(read[1][:, :, ::-1], np.uint8))
    if not frames:
        raise UnavailableError(f"{path}: no such video, or not readable; see --shared")
    return frames


def resized(frames: Sequence[Frame], size: tuple[int, int]) -> list[Frame]:
    """Frames of `(height, width)`, averaged from the given ones."""
    height, width = size
    return [
        frame
        if frame.shape[:2] == size
        else np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        for frame in frames
    ]


def spread(items: Sequence[Frame], count: int, rounds: int) -> list[list[Frame]]:
    """For each round `count` items from first to last, a later start each time."""
    step = max(len(items) // count, 1)
    return [[items[(r + i * step) % len(items)] for i in range(count)] for r in range(rounds)]


def photos(shared: Path, count: int) -> list[Path]:
    """Pictures of LFW, evenly spread over the people.

    Raises:
        UnavailableError: the folder is missing.
    """
    folder = shared / "data/lfw/lfw-deepfunneled"
    found = sorted(folder.glob("*/*.jpg"))
    if not found:
        raise UnavailableError(f"{folder}: no pictures; see --shared")
    return [found[i * len(found) // count] for i in range(min(count, len(found)))]


def chips(shared: Path, count: int, size: int) -> NDArray[np.uint8]:
    """Faces of LFW: the middle 160 of its 250 pixels, resized; uint8 RGB (n, size, size, 3)."""
    cut = []
    for path in photos(shared, count):
        image = facewise.load_image(path)[45:205, 45:205]
        cut.append(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA))
    return np.stack([cut[i % len(cut)] for i in range(count)]).astype(np.uint8)
