"""What faces look like in gray, as vectors that can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.video.tracking.flow import GrayPicture

    Floats = NDArray[np.float32]

_SIDE = 16

_LINE = (np.arange(_SIDE) + 0.5) / _SIDE
_GRID = np.stack(np.meshgrid(_LINE, _LINE), axis=-1).astype(np.float32)


def patches(picture: GrayPicture, boxes: Floats) -> Floats:
    """The pixels of boxes (n, 4) of the frame, brightness and contrast taken out: (n, 256).

    Of unit length, so that the product of two is their correlation, in [-1, 1].
    """
    if not len(boxes):
        return np.empty((0, _SIDE * _SIDE), np.float32)
    boxes = boxes * np.tile(picture.scale, 2)
    corners, sides = boxes[:, None, None, :2], boxes[:, None, None, 2:] - boxes[:, None, None, :2]
    places = (corners + _GRID * sides - 0.5).astype(np.float32).reshape(-1, _SIDE, 2)
    nothing: Any = None  # no second map
    seen = cv2.remap(
        picture.pixels, places, nothing, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    flat = np.asarray(seen, np.float32).reshape(len(boxes), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-3))
