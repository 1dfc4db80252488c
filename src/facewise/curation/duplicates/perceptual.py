"""A perceptual hash: 64 bits that change little when a picture is resized or compressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from facewise.images import Picture

_SIDE = 32
_LOW = 8  # frequencies of the cosine transform in each direction


def perceptual_hash(image: Picture) -> int:
    """The pHash of a picture: which of its 64 lowest frequencies are above their median.

    Two pictures are nearly the same where few bits differ (`near_pairs`).

    Args:
        image: uint8 RGB (H, W, 3).

    Returns:
        0 to 2⁶⁴ − 1.

    Source: C. Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:_LOW, :_LOW].ravel()
    bits = low > np.median(low[1:])  # the first is the brightness
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
