"""The MTCNN cascade (Zhang et al. 2016), with the results of facenet-pytorch 2.6.0.

The arithmetic on boxes follows the reference implementation to the rounding, because windows are
cut at whole pixels and a box half a pixel off is another window. Boxes count pixels from one there
(a heritage of MATLAB); `_windows` is the one place that knows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import TYPE_CHECKING

import numpy as np
import torch

from facewise.detection.mipmaps import Mipmaps
from facewise.detection.nms import nms
from facewise.detection.proposals import NMS, Candidates, Proposer, levels, moved
from facewise.detection.resampling import IntegralImages
from facewise.detection.sieve import Sieve
from facewise.detection.stages import Answers, Stages, network_input, size_for
from facewise.faces import Faces
from facewise.images import load, sources
from facewise.runtime.threads import threads
from facewise.runtime.workers import ordered_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.images import ImageSource

    Floats = NDArray[np.float32]
    Picture = NDArray[np.uint8]

_REFINED = {"cpu": 64, "other": 1024}
_FINISHED = {"cpu": 16, "other": 256}
"""Candidates in one pass of RNet and of ONet: bounds memory, and on a CPU fits a core's cache."""

_ROUNDED = 8
"""Parts of a full pass; other numbers of candidates are rounded up to some of them, because oneDNN
prepares itself for every new number, which takes longer than some candidates more."""

_CANDIDATES_WORTH_SIFTING = 48
"""For RNet: where there are fewer, looking twice takes longer than looking well."""

_TOGETHER, _TOGETHER_PIXELS = 16, 1 << 20
"""Pictures of one size that pass the networks together, and their pixels, at most. Small pictures
take less time so; on large ones nothing is gained."""


class Cascade:
    """Three given networks, each judging what the one before let through.

    Args:
        stages: the networks.
        min_face_size: smallest face looked for, in pixels.
        thresholds: least face probability at each of the three stages, in [0, 1].
        factor: size of each level of the pyramid over the one before, in (0, 1).
        device: where the networks are.
        sieve: what spares the networks most of their work; None: they look at everything.

    Attributes:
        together: pictures that are worth giving at once, when they are small and of one size.
    """

    together = 8

    def __init__(
        self,
        stages: Stages,
        *,
        min_face_size: float,
        thresholds: Sequence[float],
        factor: float,
        device: torch.device,
        sieve: Sieve | None = None,
    ) -> None:
        if not 1 <= min_face_size < math.inf:
            raise ValueError(f"min_face_size: expected at least 1 pixel, got {min_face_size}")
        if len(thresholds) != 3 or not all(0 <= t <= 1 for t in thresholds):
            raise ValueError(f"thresholds: expected three values in [0, 1], got {thresholds}")
        if not 0 < factor < 1:
            raise ValueError(f"factor: expected a value in (0, 1), got {factor}")
        self.stages = stages
        self.sieve = sieve
        self.min_face_size = float(min_face_size)
        self.thresholds = tuple(float(t) for t in thresholds)
        self.factor = float(factor)
        self.device = device

    def detect(self, images: Sequence[ImageSource] | ImageSource) -> list[Faces]:
        """Find the faces of each picture.

        Args:
            images: pictures of any sizes in any form that `facewise.load_image` takes; they are
                read as they are needed, so a long list of paths takes no more memory than a few
                pictures for each processor.

        Returns:
            One `Faces` with landmarks for each picture, most confident face first; empty where
            there is none, also for a picture smaller than the smallest face.

        Raises:
            ImageError: an input is not a picture.
        """
        given = sources(images)
        # No fewer groups than processors, if that is known.
        share = -(-len(given) // threads()) if isinstance(given, Sized) else _TOGETHER
        loaded = ordered_map(load, given)
        groups = same_size(loaded, min(share, _TOGETHER))
        return [faces for group in ordered_map(self._detect_group, groups) for faces in group]

    def _detect_group(self, images: Sequence[Picture]) -> list[Faces]:
        """The faces of some pictures of one size."""
        height, width = images[0].shape[:2]
        pyramid = levels(height, width, self.min_face_size, self.factor)
        if not pyramid:
            return [Faces.empty() for _ in images]
        pictures = IntegralImages(images)
        proposer = Proposer(self.stages, self.sieve, self.thresholds[0], self.device)
        candidates = _squared(proposer.propose(pictures, pyramid))
        if self.sieve is not None:
            candidates = self._sifted(images, self.sieve, candidates)
        candidates = _squared(self._refine(pictures, candidates))
        return self._finish(pictures, candidates)

    def _sifted(
        self, images: Sequence[Picture], sieve: Sieve, candidates: Candidates
    ) -> Candidates:
        """The candidates that are worth RNet's while."""
        candidates, windows = _visible(candidates, images[0].shape[1], images[0].shape[0])
        passed = np.ones(len(candidates.boxes), bool)
        for number, image in enumerate(images):  # each by itself: its faces depend on nobody else
            own = np.flatnonzero(candidates.pictures == number)
            if len(own) >= _CANDIDATES_WORTH_SIFTING:
                crops = Mipmaps(image).crops(windows[own], 24)
                passed[own] = sieve.candidates(crops, self.thresholds[1])
        return candidates.chosen(passed)

    def _refine(self, pictures: IntegralImages, candidates: Candidates) -> Candidates:
        """Stage two: RNet keeps and moves candidates."""
        size = size_for(self.device, _REFINED)
        candidates, answers = self._judge(pictures, candidates, self.stages.refine, 24, size)
        moves, scores = answers
        passed = scores > np.float32(self.thresholds[1])
        candidates, scores, moves = candidates.chosen(passed), scores[passed], moves[passed]
        kept = nms(candidates.boxes, scores, NMS, pictures=candidates.pictures)
        numbers, boxes = candidates.chosen(kept)
        return Candidates(numbers, moved(boxes, moves[kept], extra=1))

    def _finish(self, pictures: IntegralImages, candidates: Candidates) -> list[Faces]:
        """Stage three: ONet decides, moves and places the landmarks."""
        size = size_for(self.device, _FINISHED)
        candidates, answers = self._judge(pictures, candidates, self.stages.finish, 48, size)
        moves, points, scores = answers
        passed = scores > np.float32(self.thresholds[2])
        numbers, boxes = candidates.chosen(passed)
        scores, moves, points = (values[passed] for values in (scores, moves, points))
        sides = boxes[:, None, 2:] - boxes[:, None, :2] + 1
        landmarks = sides * points.reshape(-1, 2, 5).transpose(0, 2, 1) + boxes[:, None, :2] - 1
        boxes = moved(boxes, moves, extra=1)
        found = []
        for number in range(pictures.number):  # one by one: here the sort decides between ties
            own = np.flatnonzero(numbers == number)
            kept = own[nms(boxes[own], scores[own], NMS, overlap="smaller")]
            # The regression can turn a box inside out in theory; such a box shows nothing.
            kept = kept[(boxes[kept, 2:] >= boxes[kept, :2]).all(axis=1)]
            found.append(Faces(boxes[kept], scores[kept], landmarks[kept]))
        return found

    def _judge(
        self,
        pictures: IntegralImages,
        candidates: Candidates,
        ask: Callable[[torch.Tensor], Answers],
        side: int,
        size: int,
    ) -> tuple[Candidates, list[Floats]]:
        """Run a network over the boxes that show any of their picture; these, and its answers."""
        candidates, windows = _visible(candidates, pictures.width, pictures.height)
        numbers = candidates.pictures
        step = max(size // _ROUNDED, 1)

        @torch.inference_mode()
        def judge(start: int) -> list[Floats]:
            part = slice(start, start + size)
            crops = pictures.crops(windows[part], side, numbers[part])
            count = len(crops)
            crops = np.pad(
                crops, ((0, -count % step or step * (not count)), (0, 0), (0, 0), (0, 0))
            )
            answers = ask(network_input(crops, self.device))
            return [y[:count].float().cpu().numpy() for y in answers]

        parts = ordered_map(judge, range(0, max(len(windows), 1), size))
        return candidates, [np.concatenate(values) for values in zip(*parts, strict=True)]


def same_size(images: Iterable[Picture], most: int) -> Iterator[list[Picture]]:
    """Pictures that follow each other, in groups of one size: as many as are worth it."""
    group: list[Picture] = []
    for image in images:
        room = min(most, _TOGETHER_PIXELS // (image.shape[0] * image.shape[1]))
        if group and (len(group) >= room or group[0].shape != image.shape):
            yield group
            group = []
        group.append(image)
        del image  # not held while the next one is made
    if group:
        yield group


def _squared(candidates: Candidates) -> Candidates:
    """The square round each box's centre with the longer of its sides."""
    numbers, boxes = candidates
    sides = boxes[:, 2:] - boxes[:, :2]
    longer = sides.max(axis=1, keepdims=True)
    corner = boxes[:, :2] + sides * np.float32(0.5) - longer * np.float32(0.5)
    return Candidates(numbers, np.concatenate([corner, corner + longer], axis=1))


def _visible(
    candidates: Candidates, width: int, height: int
) -> tuple[Candidates, NDArray[np.intp]]:
    """The candidates that show any of their picture, and the pixels that they cover."""
    windows = _windows(candidates.boxes, width, height)
    visible = (windows[:, 2:] > windows[:, :2]).all(axis=1)
    return candidates.chosen(visible), windows[visible]


def _windows(boxes: Floats, width: int, height: int) -> NDArray[np.intp]:
    """The pixels of the picture that each box covers: (left, top, right, bottom), exclusive ends.

    A box's corners are truncated to whole pixels, counted from one, and the box includes the last.
    """
    limit = np.array([width, height])
    corners = np.trunc(np.clip(boxes, -1e9, 1e9)).astype(np.intp)
    return np.concatenate(
        [np.maximum(corners[:, :2], 1) - 1, np.minimum(corners[:, 2:], limit)], axis=1
    )
