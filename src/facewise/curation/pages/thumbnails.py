"""Thumbnails of faces, cut with some of what is around them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image as PILImage

from facewise.evaluation.report.pictures import cut

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 112
"""Pixels of the longer side, at most."""

_QUALITY = 80


def thumbnail(
    image: NDArray[np.uint8], box: NDArray[np.floating] | None = None, *, side: int = SIDE
) -> bytes:
    """A small picture as the content of a JPEG file, about 3 kB.

    Args:
        image: uint8 RGB (H, W, 3).
        box: (4,), `(x1, y1, x2, y2)` of the face in pixels; None: the whole picture.
        side: pixels of the longer side, at most.
    """
    picture = PILImage.fromarray(image if box is None else cut(image, box))
    picture.thumbnail((side, side), PILImage.Resampling.LANCZOS)
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=_QUALITY, optimize=True)
    return content.getvalue()
