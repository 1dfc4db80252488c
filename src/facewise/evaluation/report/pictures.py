"""Small pictures of the faces a report speaks of, to be held in the page itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image as PILImage

from facewise.errors import ImageError
from facewise.evaluation.report.page import Thumbnail
from facewise.images import load

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.evaluation.protocols.pairs import Picture

SIDE = 160
"""Pixels of the longer side, at most."""

_MARGIN = 0.35  # of the box's longer side, on each side of the box
_QUALITY = 82

_Box: TypeAlias = "NDArray[np.floating] | None"


class Pictures:
    """Thumbnails of a protocol's images, each made once.

    Args:
        images: m files, or their contents.
        names: of each.
    """

    def __init__(self, images: Sequence[Picture], names: Sequence[str]) -> None:
        self._images = images
        self._names = names
        self._made: dict[tuple[int, bytes], Thumbnail] = {}

    def thumbnail(self, number: int, box: _Box = None, name: str | None = None) -> Thumbnail:
        """An image, cut around a face where that is known.

        Args:
            number: of the image.
            box: (4,), x1, y1, x2, y2 in pixels; NaN or None where it is not known.
            name: what to call it; by default as the protocol does.

        Returns:
            The picture; one without a source where the image cannot be read.
        """
        name = self._names[number] if name is None else name
        known = box is not None and bool(np.isfinite(box).all())
        key = (number, np.asarray(box, np.float64).tobytes() if known else b"")
        if key not in self._made:
            self._made[key] = _thumbnail(self._images[number], name, box if known else None)
        made = self._made[key]
        return Thumbnail(name, made.source, made.width, made.height)


def _thumbnail(image: Picture, name: str, box: _Box) -> Thumbnail:
    try:
        pixels = load(image)
    except ImageError:
        return Thumbnail(name, None)
    picture = PILImage.fromarray(pixels if box is None else cut(pixels, box))
    picture.thumbnail((SIDE, SIDE), PILImage.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY, optimize=True)
    source = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
    return Thumbnail(name, source, picture.width, picture.height)


def cut(pixels: NDArray[np.uint8], box: NDArray[np.floating]) -> NDArray[np.uint8]:
    """A square around a box, moved or made smaller to lie within the image.

    Args:
        pixels: uint8 (H, W, 3).
        box: (4,), x1, y1, x2, y2, finite.

    Returns:
        A part of the pixels; all of them where the box lies outside.
    """
    height, width = pixels.shape[:2]
    x1, y1, x2, y2 = (float(v) for v in box)
    if min(x2, width) <= max(x1, 0) or min(y2, height) <= max(y1, 0):
        return pixels
    side = max(x2 - x1, y2 - y1) * (1 + 2 * _MARGIN)
    (left, right), (top, bottom) = (
        _within((low + high) / 2, side, size)
        for low, high, size in ((x1, x2, width), (y1, y2, height))
    )
    return pixels[top:bottom, left:right]


def _within(centre: float, side: float, size: int) -> tuple[int, int]:
    """Start and end of a stretch, moved into an image of that size."""
    length = max(1, min(round(side), size))
    start = min(max(round(centre - length / 2), 0), size - length)
    return start, start + length
