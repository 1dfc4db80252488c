"""The MTCNN cascade (Zhang et al. 2016), with the results of facenet-pytorch 2.6.0.

The arithmetic on boxes follows the reference implementation to the rounding, because windows are
cut at whole pixels and a box half a pixel off is another window. Boxes count pixels from one there
(a heritage of MATLAB); `_windows` is the one place that knows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from facewise.detection.nms import nms
from facewise.detection.resampling import IntegralImage
from facewise.detection.stages import Answers, Stages
from facewise.faces import Faces
from facewise.images import load, sources
from facewise.runtime.workers import ordered_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.images import ImageSource

    Floats = NDArray[np.float32]

_CELL, _STRIDE = 12, 2  # PNet's window and step, in pixels of a level
_LEVEL_NMS, _CANDIDATE_NMS = 0.5, 0.7  # intersection over union
_STRIP = {"cpu": 3 << 15, "other": 1 << 22}
"""Pixels of a level in one pass of PNet: bounds memory, and on a CPU fits a core's cache."""

_CROPS = {"cpu": (64, 16), "other": (1024, 256)}
"""Candidates in one pass of RNet and of ONet, likewise."""


class _Strip(NamedTuple):
    """Some rows of PNet's answer to a level of the pyramid.

    Attributes:
        scale: size of the level over the picture's.
        height: of the level, in pixels.
        width: of the level, in pixels.
        first: row of the answer.
        last: row of the answer, exclusive.
        cells: rows of the whole answer.
    """

    scale: float
    height: int
    width: int
    first: int
    last: int
    cells: int


class Cascade:
    """Three given networks, each judging what the one before let through.

    Args:
        stages: the networks.
        min_face_size: smallest face looked for, in pixels.
        thresholds: least face probability at each of the three stages, in [0, 1].
        factor: size of each level of the pyramid over the one before, in (0, 1).
        device: where the networks are.
    """

    def __init__(
        self,
        stages: Stages,
        *,
        min_face_size: float,
        thresholds: Sequence[float],
        factor: float,
        device: torch.device,
    ) -> None:
        if not 1 <= min_face_size < math.inf:
            raise ValueError(f"min_face_size: expected at least 1 pixel, got {min_face_size}")
        if len(thresholds) != 3 or not all(0 <= t <= 1 for t in thresholds):
            raise ValueError(f"thresholds: expected three values in [0, 1], got {thresholds}")
        if not 0 < factor < 1:
            raise ValueError(f"factor: expected a value in (0, 1), got {factor}")
        self.stages = stages
        self.min_face_size = float(min_face_size)
        self.thresholds = tuple(float(t) for t in thresholds)
        self.factor = float(factor)
        self.device = device

    def detect(self, images: Sequence[ImageSource] | ImageSource) -> list[Faces]:
        """Find the faces of each picture.

        Args:
            images: pictures of any sizes in any form that `facewise.load_image` takes; they are
                read one at a time, so a long list of paths takes no more memory than one picture.

        Returns:
            One `Faces` with landmarks for each picture, most confident face first; empty where
            there is none, also for a picture smaller than the smallest face.

        Raises:
            ImageError: an input is not a picture.
        """
        return list(ordered_map(self._detect_one, sources(images)))

    def _detect_one(self, source: ImageSource) -> Faces:
        image = load(source)
        scales = list(self._scales(*image.shape[:2]))
        if not scales:
            return Faces.empty()
        picture = IntegralImage(image)
        boxes = _squared(self._propose(picture, scales))
        boxes = _squared(self._refine(picture, boxes))
        return self._finish(picture, boxes)

    def _scales(self, height: int, width: int) -> Iterator[float]:
        """Sizes of the pyramid's levels over the picture's, until one is smaller than a cell."""
        scale = _CELL / self.min_face_size
        shorter = min(height, width) * scale
        while shorter >= _CELL:
            yield scale
            scale *= self.factor
            shorter *= self.factor

    def _propose(self, picture: IntegralImage, scales: list[float]) -> Floats:
        """Stage one: boxes from every level of the pyramid."""
        strips = [strip for scale in scales for strip in self._strips(picture, scale)]
        scanned = list(ordered_map(partial(self._scan, picture), strips))
        found = []
        for scale in scales:
            parts = [part for strip, part in zip(strips, scanned, strict=True) if strip[0] == scale]
            cells, scores, moves = (np.concatenate(values) for values in zip(*parts, strict=True))
            start = np.floor((_STRIDE * cells + 1) / np.float32(scale))
            end = np.floor((_STRIDE * cells + _CELL) / np.float32(scale))
            boxes = np.concatenate([start, end], axis=1)
            kept = nms(boxes, scores, _LEVEL_NMS)
            found.append(np.concatenate([boxes, moves, scores[:, None]], axis=1)[kept])
        rows = np.concatenate(found)
        rows = rows[nms(rows[:, :4], rows[:, 8], _CANDIDATE_NMS)]
        return _moved(rows[:, :4], rows[:, 4:8], extra=0)

    def _strips(self, picture: IntegralImage, scale: float) -> Iterator[_Strip]:
        """The rows of PNet's answer to one level, some at a time."""
        height = int(picture.height * scale + 1)
        width = int(picture.width * scale + 1)
        cells = -(-(height - 2) // _STRIDE) - 4  # 3×3, pool rounding up, 3×3, 3×3
        step = max(self._pieces(_STRIP) // width // _STRIDE, 1)
        for first in range(0, cells, step):
            yield _Strip(scale, height, width, first, min(first + step, cells), cells)

    @torch.inference_mode()  # of the thread it runs in
    def _scan(self, picture: IntegralImage, strip: _Strip) -> tuple[Floats, Floats, Floats]:
        """PNet over one strip, with the rows of picture its cells look at: as if over the whole.

        Returns:
            Of the cells above the threshold: `(column, row)` (n, 2), score (n,), moves (n, 4).
        """
        first, last = strip.first, strip.last
        end = strip.height if last == strip.cells else (last - 1) * _STRIDE + _CELL
        level = picture.resized(strip.height, strip.width, slice(first * _STRIDE, end))
        x = self._input(level[None])
        found = self.stages.propose(x, self.thresholds[0])
        cells, scores, moves = (y.float().cpu().numpy() for y in found)
        return cells[:, ::-1] + np.array([0, first], np.float32), scores, moves

    def _refine(self, picture: IntegralImage, boxes: Floats) -> Floats:
        """Stage two: RNet keeps and moves candidates."""
        boxes, (moves, scores) = self._judge(picture, boxes, self.stages.refine, 24)
        passed = scores > np.float32(self.thresholds[1])
        boxes, scores, moves = boxes[passed], scores[passed], moves[passed]
        kept = nms(boxes, scores, _CANDIDATE_NMS)
        return _moved(boxes[kept], moves[kept], extra=1)

    def _finish(self, picture: IntegralImage, boxes: Floats) -> Faces:
        """Stage three: ONet decides, moves and places the landmarks."""
        boxes, (moves, points, scores) = self._judge(picture, boxes, self.stages.finish, 48)
        passed = scores > np.float32(self.thresholds[2])
        boxes, scores, moves, points = (a[passed] for a in (boxes, scores, moves, points))
        sides = boxes[:, None, 2:] - boxes[:, None, :2] + 1
        landmarks = sides * points.reshape(-1, 2, 5).transpose(0, 2, 1) + boxes[:, None, :2] - 1
        boxes = _moved(boxes, moves, extra=1)
        kept = nms(boxes, scores, _CANDIDATE_NMS, overlap="smaller")
        # The regression can turn a box inside out in theory; such a box shows nothing.
        kept = kept[(boxes[kept, 2:] >= boxes[kept, :2]).all(axis=1)]
        return Faces(boxes[kept], scores[kept], landmarks[kept])

    def _judge(
        self,
        picture: IntegralImage,
        boxes: Floats,
        ask: Callable[[torch.Tensor], Answers],
        size: int,
    ) -> tuple[Floats, list[Floats]]:
        """Run a network over the boxes that show any of the picture; these, and its answers."""
        windows = _windows(boxes, picture.width, picture.height)
        visible = (windows[:, 2:] > windows[:, :2]).all(axis=1)
        boxes, windows = boxes[visible], windows[visible]
        if not len(boxes):
            windows = np.array([[0, 0, 1, 1]])  # one pixel, for the shapes of an empty answer
        chunk = self._pieces(_CROPS)[size == 48]
        chunks = [windows[start : start + chunk] for start in range(0, len(windows), chunk)]

        @torch.inference_mode()
        def judge(part: NDArray[np.intp]) -> list[Floats]:
            x = self._input(picture.crops(part, size))
            return [y.float().cpu().numpy() for y in ask(x)]

        parts = ordered_map(judge, chunks)
        answers = [np.concatenate(values)[: len(boxes)] for values in zip(*parts, strict=True)]
        return boxes, answers

    def _input(self, pictures: Floats) -> torch.Tensor:
        """What the networks take, for pictures in [0, 255], shape (n, h, w, 3)."""
        pictures -= np.float32(127.5)
        pictures *= np.float32(1 / 128)
        # Seen as (n, 3, h, w) this memory is what PyTorch calls channels_last: nothing is copied.
        x = torch.from_numpy(pictures).to(self.device, non_blocking=True)
        return x.permute(0, 3, 1, 2)

    def _pieces(self, sizes: Mapping[str, Any]) -> Any:
        return sizes["cpu" if self.device.type == "cpu" else "other"]


def _moved(boxes: Floats, moves: Floats, extra: int) -> Floats:
    """Boxes shifted by a network's regression, which counts in widths and heights.

    MTCNN's first stage counts a side as the difference of its ends, the others as one more.
    """
    sides = boxes[:, 2:] - boxes[:, :2] + np.float32(extra)
    moved: Floats = boxes + moves * np.tile(sides, 2)
    return moved


def _squared(boxes: Floats) -> Floats:
    """The square round each box's centre with the longer of its sides."""
    sides = boxes[:, 2:] - boxes[:, :2]
    longer = sides.max(axis=1, keepdims=True)
    corner = boxes[:, :2] + sides * np.float32(0.5) - longer * np.float32(0.5)
    return np.concatenate([corner, corner + longer], axis=1)


def _windows(boxes: Floats, width: int, height: int) -> NDArray[np.intp]:
    """The pixels of the picture that each box covers: (left, top, right, bottom), exclusive ends.

    A box's corners are truncated to whole pixels, counted from one, and the box includes the last.
    """
    limit = np.array([width, height])
    corners = np.trunc(np.clip(boxes, -1e9, 1e9)).astype(np.intp)
    return np.concatenate(
        [np.maximum(corners[:, :2], 1) - 1, np.minimum(corners[:, 2:], limit)], axis=1
    )
