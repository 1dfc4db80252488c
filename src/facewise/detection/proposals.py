"""MTCNN's first stage: where in some pictures of one size may faces be?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import cv2
import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

from facewise.detection.nms import nms
from facewise.detection.stages import Stages, network_input, size_for
from facewise.runtime.workers import ordered_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.detection.resampling import IntegralImages
    from facewise.detection.sieve import Sieve

    Floats = NDArray[np.float32]
    Numbers = NDArray[np.intp]

CELL, STRIDE = 12, 2
"""PNet's window and step, in pixels of a level."""

NMS = 0.7
"""Intersection over union of candidates, from which on the better one stays."""

_LEVEL_NMS = 0.5  # of one level
_STRIP = {"cpu": 3 << 15, "other": 1 << 22}
"""Pixels of a level in one pass of PNet: bounds memory, and on a CPU fits a core's cache."""

_WINDOWS = {"cpu": 512, "other": 8192}
"""Single windows in one pass of PNet, likewise."""

_WORTH_SIFTING = 30_000
"""Pixels of a level: where there are fewer, looking twice takes longer than looking well."""

_Seen: TypeAlias = "tuple[Numbers, Floats, Floats, Floats]"
"""Of n cells above PNet's threshold: number of the picture (n,), `(column, row)` (n, 2), score (n,)
and moves (n, 4)."""


_NOTHING: _Seen = (
    np.empty(0, np.intp),
    np.empty((0, 2), np.float32),
    np.empty(0, np.float32),
    np.empty((0, 4), np.float32),
)


class Candidates(NamedTuple):
    """Boxes that may show a face.

    Attributes:
        pictures: number of the picture that each is in (n,).
        boxes: (n, 4).
    """

    pictures: Numbers
    boxes: Floats

    def chosen(self, which: Any) -> Candidates:
        """Some of them, by number or by truth value."""
        return Candidates(self.pictures[which], self.boxes[which])


class Level(NamedTuple):
    """A level of the pyramid: its size over the picture's, and in pixels."""

    scale: float
    height: int
    width: int

    @property
    def cells(self) -> int:
        """Rows of PNet's answer: 3×3, pool rounding up, 3×3, 3×3."""
        return -(-(self.height - 2) // STRIDE) - 4


class _Strip(NamedTuple):
    """Some rows of PNet's answer to a level: the first, and the last, exclusive."""

    level: Level
    first: int
    last: int

    @property
    def pixels(self) -> slice:
        """Rows of the level that the cells look at."""
        whole = self.last == self.level.cells
        return slice(self.first * STRIDE, None if whole else (self.last - 1) * STRIDE + CELL)


def levels(height: int, width: int, min_face_size: float, factor: float) -> list[Level]:
    """The levels of the pyramid of a picture, until one is smaller than a cell."""
    found = []
    scale = CELL / min_face_size
    shorter = min(height, width) * scale
    while shorter >= CELL:
        found.append(Level(scale, int(height * scale + 1), int(width * scale + 1)))
        scale *= factor
        shorter *= factor
    return found


class Proposer:
    """PNet over pyramids, with or without a sieve.

    Args:
        stages: with PNet.
        sieve: what spares it most of its work; None: it looks at everything.
        threshold: least face probability, in [0, 1].
        device: where PNet is.
    """

    def __init__(
        self, stages: Stages, sieve: Sieve | None, threshold: float, device: torch.device
    ) -> None:
        self._stages = stages
        self._sieve = sieve
        self._threshold = threshold
        self._device = device

    def propose(self, pictures: IntegralImages, pyramid: Sequence[Level]) -> Candidates:
        """Candidates from all levels of some pictures, best first; moved, not yet squared."""
        strips = [strip for level in pyramid for strip in self._strips(level, pictures.number)]
        seen = _by_level(strips, ordered_map(partial(self._look, pictures), strips))
        owners, rows = [], []
        for level in pyramid:
            numbers, cells, scores, moves = seen[level]
            start = np.floor((STRIDE * cells + 1) / np.float32(level.scale))
            end = np.floor((STRIDE * cells + CELL) / np.float32(level.scale))
            boxes = np.concatenate([start, end], axis=1)
            kept = nms(boxes, scores, _LEVEL_NMS, pictures=numbers)
            owners.append(numbers[kept])
            rows.append(np.concatenate([boxes, moves, scores[:, None]], axis=1)[kept])
        owner, found = np.concatenate(owners), np.concatenate(rows)
        kept = nms(found[:, :4], found[:, 8], NMS, pictures=owner)
        return Candidates(owner[kept], moved(found[kept, :4], found[kept, 4:8], extra=0))

    @torch.inference_mode()  # of the thread it runs in
    def _look(self, pictures: IntegralImages, strip: _Strip) -> _Seen:
        """What PNet sees in one strip."""
        level = strip.level
        if self._sieve is not None and level.height * level.width >= _WORTH_SIFTING:
            return self._look_twice(pictures, self._sieve, strip)
        return self._look_well(pictures, strip)

    def _look_well(self, pictures: IntegralImages, strip: _Strip) -> _Seen:
        """PNet over the rows of picture that the strip's cells look at: as if over the whole."""
        rows = pictures.resized(strip.level.height, strip.level.width, strip.pixels)
        found = self._stages.propose(network_input(rows, self._device), self._threshold)
        places, scores, moves = (y.cpu().numpy() for y in found)
        return places[:, 0], _cells(places, strip), scores, moves

    def _look_twice(self, pictures: IntegralImages, sieve: Sieve, strip: _Strip) -> _Seen:
        """PNet over what single cells look at, those of which the sieve says that it may see."""
        # PNet's last maximum of an odd line is over what is left of it; here the last pixel counts
        # twice instead, so such a cell's answer is nearly, not quite, the same.
        level = strip.level
        rows = pictures.resized(level.height, level.width, strip.pixels, even=True)
        number, height, width, _ = rows.shape
        flat = rows.reshape(number * height, width * 3)
        pixels: Any = cv2.convertScaleAbs(flat)
        places = sieve.cells(pixels.reshape(rows.shape), self._threshold)
        lines = sliding_window_view(flat, 3 * CELL, axis=1)
        size = size_for(self._device, _WINDOWS)
        seen = [_NOTHING]
        for start in range(0, len(places), size):
            part = places[start : start + size]
            # oneDNN prepares itself for every new width, which takes longer than some windows.
            picture, row, column = np.pad(part, ((0, -len(part) % (size // 8)), (0, 0))).T
            # All first rows of 12 pixels, all second ones and so on: windows side by side.
            first = picture * height + STRIDE * row
            views = lines[first + np.arange(CELL)[:, None], 3 * STRIDE * column]
            x = network_input(views.reshape(1, CELL, -1, 3), self._device)
            found = self._stages.judge(x, self._threshold)
            passed, scores, moves = (y.cpu().numpy() for y in found)
            passed = passed[: len(part)]
            kept = int(passed.sum())
            part = part[passed]
            seen.append((part[:, 0], _cells(part, strip), scores[:kept], moves[:kept]))
        return _joined(seen)

    def _strips(self, level: Level, pictures: int) -> Iterator[_Strip]:
        """The rows of PNet's answer to one level, some at a time."""
        step = max(size_for(self._device, _STRIP) // (level.width * pictures) // STRIDE, 1)
        for first in range(0, level.cells, step):
            yield _Strip(level, first, min(first + step, level.cells))


def moved(boxes: Floats, moves: Floats, extra: int) -> Floats:
    """Boxes shifted by a network's regression, which counts in widths and heights.

    MTCNN's first stage counts a side as the difference of its ends, the others as one more.
    """
    sides = boxes[:, 2:] - boxes[:, :2] + np.float32(extra)
    shifted: Floats = boxes + moves * np.tile(sides, 2)
    return shifted


def _cells(places: Numbers, strip: _Strip) -> Floats:
    """`(column, row)` in the level, of cells `(picture, row, column)` of a strip."""
    return (places[:, :0:-1] + [0, strip.first]).astype(np.float32)


def _by_level(strips: Sequence[_Strip], seen: Iterable[_Seen]) -> dict[Level, _Seen]:
    """What was seen in the strips of each level, together."""
    parts: dict[Level, list[_Seen]] = {}
    for strip, some in zip(strips, seen, strict=True):
        parts.setdefault(strip.level, []).append(some)
    return {level: _joined(some) for level, some in parts.items()}


def _joined(seen: Sequence[_Seen]) -> _Seen:
    numbers, cells, scores, moves = (np.concatenate(values) for values in zip(*seen, strict=True))
    return numbers, cells, scores, moves
