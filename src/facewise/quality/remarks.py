"""Whether a face is good enough to know a person by, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facewise.quality.sharpness import focus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST_SCORE = 0.95
"""Of the detector. MTCNN gives 0.99 and more to nearly every face that is plain to see."""

LEAST_SIDE = 40
"""Pixels of a box's shorter side: below it, a chip of 112 pixels has little of its own to show."""

LEAST_FOCUS = 0.01
"""See `focus`. Of 959 pictures of LFW (every sixth person's first), whose faces are some 95 pixels
wide, fewer than 1 in 200 are below 0.0176; after a Gaussian blur of 2 pixels 60 % are below 0.01,
and after one of 3 pixels 93 %."""


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
        sharp = focus(image, box)
        if sharp < LEAST_FOCUS:
            found.append(f"blurred (sharpness {sharp:.4f}, below {LEAST_FOCUS})")
    return found
