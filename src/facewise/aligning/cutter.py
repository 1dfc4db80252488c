"""From photos to the chips of the faces that a policy chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from facewise.alignment import MarginCrop, crop_each, margin_box
from facewise.faces import Faces
from facewise.runtime.workers import device_turn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.alignment import CropPolicy
    from facewise.detection import Detector

Choice = Literal["most_central", "largest", "most_confident", "largest_over", "all"]
"""Which face of a photo is cut: a policy of `Faces.order`, or all of them."""

CHOICES: tuple[Choice, ...] = get_args(Choice)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was found in a photo.

    Attributes:
        count: of all faces.
        faces: the n that were chosen; with "all" the most confident first.
        chips: uint8 (n, S, S, 3), RGB.
        rectangles: int (n, 4), `(x1, y1, x2, y2)`: the pixels of the photo that became the chip
            (a margin crop), or else the detector's box, cut off at the photo's border.
    """

    count: int
    faces: Faces
    chips: NDArray[np.uint8]
    rectangles: NDArray[np.int64]


class Cutter:
    """Finds the faces of photos, chooses, and cuts.

    Args:
        detector: finds the faces.
        policy: how chips are placed.
        choice: which of a photo's faces.

    Raises:
        ValueError: there is no such choice.
    """

    def __init__(
        self, detector: Detector, policy: CropPolicy, choice: Choice = "most_central"
    ) -> None:
        if choice not in CHOICES:
            raise ValueError(f"choice: expected one of {', '.join(CHOICES)}, got {choice!r}")
        self._detector = detector
        self.policy = policy
        self.choice = choice

    @property
    def settings(self) -> dict[str, Any]:
        """Everything besides the photo that decides the chips, as plain values."""
        return {
            "detector": dict(self._detector.settings),
            "crop": repr(self.policy),
            "faces": self.choice,
        }

    @property
    def together(self) -> int:
        """How many small photos are worth giving at once."""
        return int(getattr(self._detector, "together", 1))

    def cut(self, images: Sequence[NDArray[np.uint8]]) -> list[Found]:
        """The chips of each photo, RGB (H, W, 3); none where there is no face to choose."""
        with device_turn(self._detector):
            found = self._detector.detect(list(images))
        chosen = [self._chosen(*pair) for pair in zip(images, found, strict=True)]
        chips = crop_each(images, chosen, self.policy)
        return [
            Found(len(every), faces, own, _rectangles(image, faces, self.policy))
            for image, every, faces, own in zip(images, found, chosen, chips, strict=True)
        ]

    def _chosen(self, image: NDArray[np.uint8], faces: Faces) -> Faces:
        if self.choice == "all":
            return faces
        return faces.select(self.choice, image_size=(image.shape[1], image.shape[0]))


def _rectangles(image: NDArray[np.uint8], faces: Faces, policy: CropPolicy) -> NDArray[np.int64]:
    height, width = image.shape[:2]
    if isinstance(policy, MarginCrop):
        rows = [margin_box(box, policy, width, height) for box in faces.boxes]
        return np.array(rows, np.int64).reshape(-1, 4)
    return np.clip(faces.boxes, 0, [width, height, width, height]).astype(np.int64)
