"""The MTCNN cascade (Zhang et al. 2016), with the results of facenet-pytorch 2.6.0.

The arithmetic on boxes follows the reference implementation to the rounding, because windows are
cut at whole pixels and a box half a pixel off is another window. Boxes count pixels from one there
(a heritage of MATLAB); `_windows` is the one place that knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from facewise.detection.mtcnn_nets import ONet, PNet, RNet
from facewise.detection.nms import nms
from facewise.detection.resampling import IntegralImage
from facewise.errors import ModelError
from facewise.faces import Faces
from facewise.images import each
from facewise.runtime.devices import resolve_device, resolve_dtype
from facewise.runtime.weights import read_tensors
from facewise.zoo import file_sha256

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.images import ImageSource

    Floats = NDArray[np.float32]

_CELL, _STRIDE = 12, 2  # PNet's window and step, in pixels of a level
_LEVEL_NMS, _CANDIDATE_NMS = 0.5, 0.7  # intersection over union
_STRIP = 1 << 18  # pixels of a level in one pass of PNet: bounds memory, and fits a cache
_CROPS = 512  # candidates in one pass of RNet or ONet


class Cascade:
    """Three given networks, each judging what the one before let through.

    Args:
        pnet: proposal network; all three as in `mtcnn_nets`, or of that interface.
        rnet: refinement network.
        onet: output network.
        min_face_size: smallest face looked for, in pixels.
        thresholds: least face probability at each of the three stages, in [0, 1].
        factor: size of each level of the pyramid over the one before, in (0, 1).
        device: where the networks are.
        dtype: number format of the networks.
    """

    def __init__(
        self,
        pnet: torch.nn.Module,
        rnet: torch.nn.Module,
        onet: torch.nn.Module,
        *,
        min_face_size: float,
        thresholds: Sequence[float],
        factor: float,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        if not 1 <= min_face_size < math.inf:
            raise ValueError(f"min_face_size: expected at least 1 pixel, got {min_face_size}")
        if len(thresholds) != 3 or not all(0 <= t <= 1 for t in thresholds):
            raise ValueError(f"thresholds: expected three values in [0, 1], got {thresholds}")
        if not 0 < factor < 1:
            raise ValueError(f"factor: expected a value in (0, 1), got {factor}")
        self.pnet, self.rnet, self.onet = pnet, rnet, onet
        self.min_face_size = float(min_face_size)
        self.thresholds = tuple(float(t) for t in thresholds)
        self.factor = float(factor)
        self.device = device
        self.dtype = dtype

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
        return [self._detect_one(image) for image in each(images)]

    @torch.inference_mode()
    def _detect_one(self, image: NDArray[np.uint8]) -> Faces:
        scales = list(self._scales(*image.shape[:2]))
        if not scales:
            return Faces.empty()
        integral = IntegralImage(image)
        boxes = _squared(self._propose(integral, scales))
        boxes = _squared(self._refine(integral, boxes))
        return self._finish(integral, boxes)

    def _scales(self, height: int, width: int) -> Iterator[float]:
        """Sizes of the pyramid's levels over the picture's, until one is smaller than a cell."""
        scale = _CELL / self.min_face_size
        shorter = min(height, width) * scale
        while shorter >= _CELL:
            yield scale
            scale *= self.factor
            shorter *= self.factor

    def _propose(self, integral: IntegralImage, scales: list[float]) -> Floats:
        """Stage one: boxes from every level of the pyramid."""
        found = []
        for scale in scales:
            cells, scores, moves = self._scan(integral, scale)
            start = np.floor((_STRIDE * cells + 1) / np.float32(scale))
            end = np.floor((_STRIDE * cells + _CELL) / np.float32(scale))
            boxes = np.concatenate([start, end], axis=1)
            kept = nms(boxes, scores, _LEVEL_NMS)
            found.append(np.concatenate([boxes, moves, scores[:, None]], axis=1)[kept])
        rows = np.concatenate(found)
        rows = rows[nms(rows[:, :4], rows[:, 8], _CANDIDATE_NMS)]
        return _moved(rows[:, :4], rows[:, 4:8], extra=0)

    def _scan(self, integral: IntegralImage, scale: float) -> tuple[Floats, Floats, Floats]:
        """PNet over one level, strip by strip.

        A strip has the rows of picture its cells look at, so it gives the answers of the whole.

        Returns:
            Of the cells above the threshold: `(column, row)` (n, 2), score (n,), moves (n, 4).
        """
        height = int(integral.height * scale + 1)
        width = int(integral.width * scale + 1)
        cells = -(-(height - 2) // _STRIDE) - 4  # rows of PNet's answer: 3×3, pool up, 3×3, 3×3
        step = max(_STRIP // width // _STRIDE, 1)
        parts = []
        for first in range(0, cells, step):
            last = min(first + step, cells)
            end = height if last == cells else (last - 1) * _STRIDE + _CELL
            level = integral.resized(height, width, slice(first * _STRIDE, end))
            moves, probabilities = self._run(self.pnet, level[None])
            scores = probabilities[0, 1]
            row, column = np.nonzero(scores >= np.float32(self.thresholds[0]))
            cell = np.stack([column, row + first], axis=1).astype(np.float32)
            parts.append((cell, scores[row, column], moves[0, :, row, column]))
        cell, score, move = (np.concatenate(values) for values in zip(*parts, strict=True))
        return cell, score, move

    def _refine(self, integral: IntegralImage, boxes: Floats) -> Floats:
        """Stage two: RNet keeps and moves candidates."""
        boxes, (moves, probabilities) = self._judge(integral, boxes, self.rnet, 24)
        scores = probabilities[:, 1]
        passed = scores > np.float32(self.thresholds[1])
        boxes, scores, moves = boxes[passed], scores[passed], moves[passed]
        kept = nms(boxes, scores, _CANDIDATE_NMS)
        return _moved(boxes[kept], moves[kept], extra=1)

    def _finish(self, integral: IntegralImage, boxes: Floats) -> Faces:
        """Stage three: ONet decides, moves and places the landmarks."""
        boxes, (moves, points, probabilities) = self._judge(integral, boxes, self.onet, 48)
        scores = probabilities[:, 1]
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
        self, integral: IntegralImage, boxes: Floats, net: torch.nn.Module, size: int
    ) -> tuple[Floats, list[Floats]]:
        """Run a network over the boxes that show any of the picture; these, and its answers."""
        windows = _windows(boxes, integral.width, integral.height)
        visible = (windows[:, 2:] > windows[:, :2]).all(axis=1)
        boxes, windows = boxes[visible], windows[visible]
        if not len(boxes):
            windows = np.array([[0, 0, 1, 1]])  # one pixel, for the shapes of an empty answer
        parts = [self._run(net, crops) for crops in integral.crops(windows, size, _CROPS)]
        answers = [np.concatenate(values)[: len(boxes)] for values in zip(*parts, strict=True)]
        return boxes, answers

    def _run(self, net: torch.nn.Module, pictures: Floats) -> list[Floats]:
        """A network's answers for pictures in [0, 255], shape (n, h, w, 3)."""
        pictures -= np.float32(127.5)
        pictures *= np.float32(1 / 128)
        # Seen as (n, 3, h, w) this memory is what PyTorch calls channels_last: nothing is copied.
        x = torch.from_numpy(pictures).to(self.device, self.dtype, non_blocking=True)
        return [y.float().cpu().numpy() for y in net(x.permute(0, 3, 1, 2))]


class Mtcnn(Cascade):
    """The cascade with networks from a weight file.

    Args:
        weights: safetensors file with the parameters of the three networks, under `pnet.`,
            `rnet.` and `onet.`.
        min_face_size: smallest face looked for, in pixels.
        thresholds: least face probability at each of the three stages, in [0, 1].
        factor: size of each level of the pyramid over the one before, in (0, 1).
        device: where the networks run (see `facewise.runtime.devices`).
        dtype: number format of the networks; scores and boxes are float32 always.
    """

    def __init__(
        self,
        weights: Path,
        *,
        min_face_size: float = 20,
        thresholds: Sequence[float] = (0.6, 0.7, 0.7),
        factor: float = 0.709,
        device: str | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
    ) -> None:
        super().__init__(
            *_load_networks(weights),
            min_face_size=min_face_size,
            thresholds=thresholds,
            factor=factor,
            device=resolve_device(device),
            dtype=resolve_dtype(dtype),
        )
        self._weight_hash = file_sha256(weights)
        for net in (self.pnet, self.rnet, self.onet):
            net.eval().requires_grad_(False)
            net.to(self.device, self.dtype).to(memory_format=torch.channels_last)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides what it finds, as plain values."""
        return {
            "weights": self._weight_hash,
            "min_face_size": self.min_face_size,
            "thresholds": self.thresholds,
            "factor": self.factor,
            "dtype": str(self.dtype),
        }


def parameters_of(network: str, weights: Path) -> dict[str, torch.Tensor]:
    """The state_dict of one network, `pnet`, `rnet` or `onet`, in a weight file of all three."""
    prefix = f"{network}."
    return {
        name.removeprefix(prefix): values
        for name, values in read_tensors(weights).items()
        if name.startswith(prefix)
    }


def _load_networks(weights: Path) -> tuple[PNet, RNet, ONet]:
    networks = PNet(), RNet(), ONet()
    try:
        for name, network in zip(("pnet", "rnet", "onet"), networks, strict=True):
            network.load_state_dict(parameters_of(name, weights))
    except RuntimeError as error:  # its text says which network does not fit
        raise ModelError(f"{weights}: not the weights of MTCNN ({error})") from error
    return networks


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
