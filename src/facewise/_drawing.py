"""Boxes, landmarks and labels on a picture; used by `Faces.draw`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from facewise.images import load

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.faces import Faces
    from facewise.images import ImageSource

    Color = tuple[int, int, int]
    Rectangle = tuple[float, float, float, float]

BOX_COLOR = (0, 200, 120)
_FONT = Path(__file__).parent / "data" / "DejaVuSans.ttf"
_MAX_SIDE = 4000  # a picture is not enlarged beyond this many pixels


def draw_faces(
    faces: Faces,
    image: ImageSource,
    labels: Sequence[str] | None,
    *,
    colors: Sequence[Color] | None,
    min_side: int,
) -> NDArray[np.uint8]:
    """See `Faces.draw`."""
    if labels is None:
        labels = [f"{score:.2f}" for score in faces.scores]
    if colors is None:
        colors = [BOX_COLOR] * len(faces)
    if len(labels) != len(faces) or len(colors) != len(faces):
        raise ValueError(f"labels and colors: expected {len(faces)} each, one for each face")
    image = load(image)
    canvas = PILImage.fromarray(image)
    enlarge = min(-(-min_side // min(canvas.size)), _MAX_SIDE // max(canvas.size))
    enlarge = max(enlarge, 1)
    if enlarge > 1:
        size = (canvas.width * enlarge, canvas.height * enlarge)
        canvas = canvas.resize(size, PILImage.Resampling.BICUBIC)
    pen = ImageDraw.Draw(canvas)
    widest = max(2, round(min(canvas.size) / 300))
    taken: list[Rectangle] = []
    # What lies far outside is not drawn there, which would take its time, but at the edge.
    far = 2 * max(canvas.size)
    boxes = np.clip(faces.boxes * enlarge, -far, far)
    for i, color in enumerate(colors):
        x1, y1, x2, y2 = (float(v) for v in boxes[i])
        # A side outside the picture is drawn along its border.
        x1, y1 = max(x1, 0), max(y1, 0)
        x2, y2 = max(min(x2, canvas.width - 1), x1), max(min(y2, canvas.height - 1), y1)
        stroke = min(widest, max(2, round(min(x2 - x1, y2 - y1) / 20)))
        pen.rectangle((x1, y1, x2, y2), outline=color, width=stroke)
        if faces.landmarks is not None:
            radius = max(1.0, (x2 - x1) / 50)
            for x, y in np.clip(faces.landmarks[i] * enlarge, -far, far):
                pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
    for i, color in enumerate(colors):  # after all boxes, so that no line crosses a label
        x1, y1, x2, y2 = (float(v) for v in boxes[i])
        _label(pen, canvas.size, (x1, y1, x2, y2), labels[i], color, taken)
    return np.asarray(canvas)


def _label(
    pen: ImageDraw.ImageDraw,
    size: tuple[int, int],
    box: Rectangle,
    text: str,
    color: Color,
    taken: list[Rectangle],
) -> None:
    """Write a label where it fits: above the box, below it, or inside; clear of other labels."""
    if not text:
        return
    font = _font(max(13, round(min(size) / 36)))
    text = _fitted(pen, text, font, size[0])
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    pad = 2
    wide, high = right - left + 2 * pad, bottom - top + 2 * pad
    x1, y1, _, y2 = box
    x = min(max(x1, 0), max(size[0] - wide, 0))
    lowest = max(size[1] - high, 0)
    places = [min(max(y, 0), lowest) for y in (y1 - high, y2, y1, y2 - high)]
    rectangles = [(x, y, x + wide, y + high) for y in places]
    free = (r for r in rectangles if not any(_overlap(r, other) for other in taken))
    spot = next(free, rectangles[0])
    taken.append(spot)
    pen.rectangle(spot, fill=color)
    dark = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] < 140
    pen.text(
        (spot[0] + pad - left, spot[1] + pad - top),
        text,
        font=font,
        fill="white" if dark else "black",
    )


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which has the letters of most languages in Latin, Greek and Cyrillic script."""
    return ImageFont.truetype(str(_FONT), size)


def _fitted(
    pen: ImageDraw.ImageDraw,
    text: str,
    font: ImageFont.FreeTypeFont,
    width: int,
) -> str:
    """The text, cut with an ellipsis when it is wider than the picture."""
    text = " ".join(text.split())
    if pen.textlength(text, font=font) <= width - 4:
        return text
    while len(text) > 1 and pen.textlength(text + "…", font=font) > width - 4:
        text = text[:-1]
    return text + "…"


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
