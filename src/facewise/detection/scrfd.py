"""SCRFD detectors (Guo et al. 2021, https://arxiv.org/abs/2105.04714) as ONNX graphs.

Any graph of the family works: with or without landmarks, of a fixed or a free input size, with the
batch dimension kept or dropped. The three kinds of output are told apart by their last dimension
and the strides by their length, so their order and names do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from facewise.detection.nms import nms
from facewise.errors import ModelError
from facewise.faces import Faces
from facewise.images import each
from facewise.runtime.onnx import open_session
from facewise.zoo import file_sha256

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.images import ImageSource

    Floats = NDArray[np.float32]

_ANCHORS = 2  # at each cell of the grid
_KINDS = {1: "scores", 4: "boxes", 10: "landmarks"}  # by the last dimension of an output


class Scrfd:
    """One network over the picture, fitted into a square canvas.

    Args:
        weights: the ONNX file.
        min_score: least confidence, in [0, 1]; at 0.5 it misses two of the 1,439 hand-marked
            faces of docs/results/detection.md, at 0.35 none.
        nms_threshold: intersection over union above which the weaker of two boxes goes.
        input_size: side of the canvas in pixels, a multiple of 32, for graphs that leave it free;
            640 by default.
        device: where the graph runs.
    """

    def __init__(
        self,
        weights: Path,
        *,
        min_score: float = 0.35,
        nms_threshold: float = 0.4,
        input_size: int | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        for name, value in (("min_score", min_score), ("nms_threshold", nms_threshold)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name}: expected a value in [0, 1], got {value}")
        self._session = open_session(weights, device)
        graph_input = self._session.get_inputs()[0]
        self._input = graph_input.name
        fixed = graph_input.shape[-1]
        if isinstance(fixed, int) and input_size not in (None, fixed):
            raise ValueError(f"input_size: {weights.name} has a fixed size of {fixed} pixels")
        self.input_size = fixed if isinstance(fixed, int) else input_size or 640
        if self.input_size < 32 or self.input_size % 32:
            raise ValueError(f"input_size: expected a multiple of 32, got {self.input_size}")
        self.min_score = min_score
        self.nms_threshold = nms_threshold
        self._weights = weights
        self._weight_hash = file_sha256(weights)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides what it finds, as plain values."""
        return {
            "weights": self._weight_hash,
            "min_score": self.min_score,
            "nms_threshold": self.nms_threshold,
            "input_size": self.input_size,
        }

    def detect(self, images: Sequence[ImageSource] | ImageSource) -> list[Faces]:
        """Find the faces of each picture.

        Args:
            images: pictures in any form that `facewise.load_image` takes, read one at a time.

        Returns:
            One `Faces` for each picture, most confident face first.

        Raises:
            ImageError: an input is not a picture.
            ModelError: the graph is not an SCRFD detector.
        """
        return [self._detect_one(image) for image in each(images)]

    def _detect_one(self, image: NDArray[np.uint8]) -> Faces:
        canvas, scale = _fit(image, self.input_size)
        # Its networks were trained on (pixel - 127.5) / 128.
        x = (canvas.astype(np.float32) - 127.5) / 128
        answers = self._session.run(None, {self._input: x.transpose(2, 0, 1)[None]})
        parts = []
        for stride, outputs in self._by_stride(answers):
            scores, step = outputs["scores"][:, 0], np.float32(stride / scale)
            picked = np.flatnonzero(scores >= self.min_score)
            centres = _centres(self.input_size // stride)[picked] * step
            # Distances from the centre to the four sides; a negative one shows nothing.
            reach = np.maximum(outputs["boxes"][picked], np.float32(0)) * step
            boxes = np.concatenate([centres - reach[:, :2], centres + reach[:, 2:]], axis=1)
            points = None
            if "landmarks" in outputs:
                # Centres of pixels, unlike their edges, move when a picture is scaled.
                shift = np.float32(0.5 / scale - 0.5)
                reach5 = outputs["landmarks"][picked].reshape(-1, 5, 2) * step
                points = centres[:, None] + reach5 + shift
            parts.append(Faces(boxes, np.clip(scores[picked], 0, 1), points))
        faces = Faces.concat(parts)
        return faces[nms(faces.boxes, faces.scores, self.nms_threshold)]

    def _by_stride(self, answers: list[Floats]) -> list[tuple[int, dict[str, Floats]]]:
        """The outputs of each stride, by kind; a stride is known by its number of cells."""
        grids: dict[int, dict[str, Floats]] = {}
        for answer in answers:
            values = answer.reshape(-1, answer.shape[-1])
            grids.setdefault(len(values), {})[_KINDS.get(values.shape[1], "?")] = values
        sizes = {_ANCHORS * (self.input_size // s) ** 2: s for s in (8, 16, 32, 64)}
        for cells, outputs in grids.items():
            if cells not in sizes or not {"scores", "boxes"} <= outputs.keys() or "?" in outputs:
                raise ModelError(f"{self._weights}: its outputs are not those of an SCRFD detector")
        return [(sizes[cells], outputs) for cells, outputs in grids.items()]


def _fit(image: NDArray[np.uint8], size: int) -> tuple[NDArray[np.uint8], float]:
    """The picture scaled to touch the canvas, at its top-left; and the scale."""
    height, width = image.shape[:2]
    scale = size / max(height, width)
    wide, high = max(round(width * scale), 1), max(round(height * scale), 1)
    how = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
    canvas = np.zeros((size, size, 3), np.uint8)
    canvas[:high, :wide] = cv2.resize(image, (wide, high), interpolation=how)
    return canvas, scale


def _centres(cells: int) -> Floats:
    """(x, y) of every anchor in cells, row by row, each cell `_ANCHORS` times; shape (n, 2)."""
    y, x = np.mgrid[:cells, :cells]
    return np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), _ANCHORS, axis=0).astype(np.float32)
