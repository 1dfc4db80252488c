"""What MTCNN's networks see of real pictures."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facewise.detection.cascade import Cascade
from facewise.detection.mtcnn import load_networks
from facewise.detection.stages import Answers, Stages
from facewise.embedding.proof import known_picture

if TYPE_CHECKING:
    from facewise.images import ImageSource

Pixels = NDArray[np.uint8]

_SCENE = (360, 480)


def scene() -> Pixels:
    """A picture with a face and much else, (360, 480, 3)."""
    face = known_picture()
    height, width = _SCENE
    picture = np.asarray(cv2.resize(face, (width, height)), np.uint8)
    top, left = (height - face.shape[0]) // 2, 20
    part = face[: height - max(top, 0), : width - left]
    picture[max(top, 0) : max(top, 0) + part.shape[0], left : left + part.shape[1]] = part
    return picture


def candidates(pictures: Sequence[ImageSource], weights: Path) -> tuple[Pixels, Pixels]:
    """What RNet and ONet are asked about pictures, rounded to whole values of pixels.

    Args:
        pictures: of any sizes.
        weights: MTCNN's file.

    Returns:
        uint8 (n, 24, 24, 3) and (m, 48, 48, 3).
    """
    recorder = _Recorder(*load_networks(weights))
    cascade = Cascade(
        recorder,
        min_face_size=20,
        thresholds=(0.6, 0.7, 0.7),
        factor=0.709,
        device=torch.device("cpu"),
    )
    cascade.detect(pictures)
    return recorder.of(24), recorder.of(48)


class _Recorder(Stages):
    """MTCNN's networks, which note what they are asked."""

    def __init__(self, *networks: torch.nn.Module) -> None:
        super().__init__(*networks)
        self._seen: dict[int, list[Pixels]] = {24: [], 48: []}
        self._lock = threading.Lock()

    def refine(self, x: Tensor) -> Answers:
        self._note(x)
        return super().refine(x)

    def finish(self, x: Tensor) -> Answers:
        self._note(x)
        return super().finish(x)

    def of(self, side: int) -> Pixels:
        """All pictures of one size."""
        return np.concatenate([np.empty((0, side, side, 3), np.uint8), *self._seen[side]])

    def _note(self, x: Tensor) -> None:
        pixels = (x * 128 + 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
        shown = pixels.numpy()
        with self._lock:
            self._seen[x.shape[2]].append(shown[shown.any(axis=(1, 2, 3))])  # others are padding
