"""Pictures of what a tracker did wrong, to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.tracking.figures import Problem
from bench.tracking.tracked import NOTHING, Tracked
from bench.tracking.truth import COUNTED, Truth
from facewise.video import open_source

_TILE = 640
"""Width of a frame on a sheet, in pixels."""

_ACROSS, _DOWN = 3, 4

_GREEN, _GRAY, _YELLOW = (0, 230, 0), (150, 150, 150), (255, 225, 0)


def draw_problems(
    video: Path,
    truth: Truth,
    tracked: Sequence[Tracked],
    problems: Sequence[Problem],
    folder: Path,
    title: str,
) -> list[Path]:
    """Sheets with a frame for each problem: the truth in green, or gray where it does not count,
    tracks in yellow.

    Returns:
        The files, `VIDEO.TITLE.NN.png`; earlier ones are removed.
    """
    for old in folder.glob(f"{video.stem}.{title}.[0-9][0-9].png"):
        old.unlink()
    captions: dict[int, list[str]] = {}
    for problem in problems:
        where = (problem.first + problem.last) // 2 if problem.kind != "switch" else problem.first
        captions.setdefault(where, []).append(describe(problem))
    pictures = frames_of(video, sorted(captions))
    tiles = [
        tile(pictures[number], truth, number, tracked[number], "; ".join(captions[number]))
        for number in sorted(captions)
    ]
    return write_sheets(tiles, folder, f"{video.stem}.{title}")


def describe(problem: Problem) -> str:
    """In words, as `frames 12-15: person 3 missed`."""
    frames = f"{problem.first}" + (f"-{problem.last}" if problem.last > problem.first else "")
    if problem.kind == "missed":
        return f"{frames}: person {problem.person} missed"
    if problem.kind == "false":
        return f"{frames}: track {problem.track} on no face"
    return f"{frames}: person {problem.person} becomes track {problem.track}"


def frames_of(video: Path, numbers: Sequence[int]) -> dict[int, NDArray[np.uint8]]:
    """Some frames of a video, uint8 RGB, by number."""
    wanted, pictures = set(numbers), {}
    with open_source(video) as source:
        for frame in source:
            if frame.index in wanted:
                pictures[frame.index] = frame.image
    return pictures


def tile(
    picture: NDArray[np.uint8],
    truth: Truth,
    number: int,
    frame: Tracked = NOTHING,
    caption: str = "",
) -> NDArray[np.uint8]:
    """A frame with the boxes of its truth and of its tracks, uint8 RGB."""
    scale = _TILE / picture.shape[1]
    size = (_TILE, round(scale * picture.shape[0]))
    image = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    for person, box, visible in truth.frames[number]:
        _box(image, box * scale, str(person), _GREEN if visible >= COUNTED else _GRAY, low=True)
    for track, box in zip(frame.ids, frame.boxes, strict=True):
        _box(image, box * scale, str(track), _YELLOW, low=False)
    _text(image, caption or f"{number}", (4, 12), (255, 255, 255))
    return image


def write_sheets(tiles: Sequence[NDArray[np.uint8]], folder: Path, name: str) -> list[Path]:
    """Tiles of one size side by side, as many files as are needed."""
    paths: list[Path] = []
    for start in range(0, len(tiles), _ACROSS * _DOWN):
        part = list(tiles[start : start + _ACROSS * _DOWN])
        part += [np.zeros_like(part[0])] * (-len(part) % _ACROSS)
        rows = [np.hstack(part[i : i + _ACROSS]) for i in range(0, len(part), _ACROSS)]
        path = folder / f"{name}.{len(paths):02d}.png"
        cv2.imwrite(str(path), np.vstack(rows)[..., ::-1])
        paths.append(path)
    return paths


def _box(
    image: NDArray[np.uint8],
    box: NDArray[np.float32],
    text: str,
    color: tuple[int, int, int],
    *,
    low: bool,
) -> None:
    x1, y1, x2, y2 = np.rint(box).astype(int).tolist()
    cv2.rectangle(image, (x1, y1), (x2, y2), color, 1)
    _text(image, text, (x1, y2 + 11 if low else y1 - 3), color)


def _text(
    image: NDArray[np.uint8], text: str, place: tuple[int, int], color: tuple[int, int, int]
) -> None:
    for thickness, ink in ((3, (0, 0, 0)), (1, color)):
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, ink, thickness, cv2.LINE_AA)
