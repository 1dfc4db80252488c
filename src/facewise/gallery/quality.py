"""Whether a face is good enough to know a person by: sure, large and sharp enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_SCORE = 0.95
"""Of the detector. MTCNN gives 0.99 and more to nearly every face that is plain to see."""

LEAST_SIDE = 40
"""Pixels of a box's shorter side: below it, a chip of 112 pixels has little of its own to show."""

LEAST_SHARPNESS = 0.01
"""See `sharpness`. Of 959 pictures of LFW (every sixth person's first), whose faces are some 95
pixels wide, fewer than 1 in 200 are below 0.0176; after a Gaussian blur of 2 pixels 60 % are below
0.01, and after one of 3 pixels 93 %."""

_SIDE = 112  # pixels of a face to which it is reduced before its sharpness is measured


def remarks(score: float, box: NDArray[np.float32], image: NDArray[np.uint8]) -> list[str]:
    """What is wrong with a face, in words; empty where nothing is.

    Args:
        score: of the detector, in [0, 1].
        box: `(x1, y1, x2, y2)` in pixels of the picture.
        image: the picture, uint8 RGB (H, W, 3).
    """
    found = []
    if score < LEAST_SCORE:
        found.append(f"score {score:.2f} (below {LEAST_SCORE})")
    side = float(min(box[2] - box[0], box[3] - box[1]))
    if side < LEAST_SIDE:
        found.append(f"{side:.0f} pixels wide or high (below {LEAST_SIDE})")
    else:  # what is small is not sharp either
        sharp = sharpness(image, box)
        if sharp < LEAST_SHARPNESS:
            found.append(f"blurred (sharpness {sharp:.4f}, below {LEAST_SHARPNESS})")
    return found


def sharpness(image: NDArray[np.uint8], box: NDArray[np.float32]) -> float:
    """How sharp a face is: the variance of its Laplacian, over the variance of its grey values.

    Measured on the face at `_SIDE` pixels at most, so that a large soft picture is not taken for
    worse than the same one made smaller. At least 0; 0 for what has one colour.

    Source: J. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy: a comparative
    study", ICPR 2000, for the variance of the Laplacian; the division makes it independent of
    contrast.
    """
    height, width = image.shape[:2]
    most = [width, height]
    x1, y1 = np.clip(np.floor(box[:2]), 0, most).astype(int)
    x2, y2 = np.clip(np.ceil(box[2:]), 0, most).astype(int)
    if x2 - x1 < 3 or y2 - y1 < 3:
        return 0.0
    grey = cv2.cvtColor(np.ascontiguousarray(image[y1:y2, x1:x2]), cv2.COLOR_RGB2GRAY)
    scale = _SIDE / min(grey.shape)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    contrast = float(grey.var())
    return 0.0 if contrast == 0 else float(cv2.Laplacian(grey, cv2.CV_32F).var()) / contrast
