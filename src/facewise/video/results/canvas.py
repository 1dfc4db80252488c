"""What pictures of results have in common: letters, faces, and files."""

from __future__ import annotations

import io
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image as PILImage

from facewise._drawing import _fitted, _font
from facewise._files import replace_file

if TYPE_CHECKING:
    from PIL import ImageDraw

    from facewise.images import Picture
    from facewise.video.results.presence import Presence

INK, PAPER, PALE = (32, 32, 32), (255, 255, 255), (225, 225, 225)

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def write_words(
    pen: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    size: int,
    width: float,
    anchor: str = "lt",
) -> None:
    """Write one line.

    Args:
        pen: of the picture.
        place: where, `(x, y)`; see `anchor`.
        text: cut with an ellipsis where it is too wide.
        size: of the letters, in pixels.
        width: of the line at most, in pixels.
        anchor: which point of the line stands there, as Pillow names it.
    """
    font = _font(size)
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    text = _fitted(pen, shown, font, round(width) + 4)
    pen.text(place, text, font=font, fill=INK, anchor=anchor)


def face_of(one: Presence, side: int) -> PILImage.Image | None:
    """The best face of a person as a square picture; None: there is none."""
    best = one.best
    if best is None:
        return None
    chip = best.chip
    how = cv2.INTER_AREA if chip.shape[0] > side else cv2.INTER_CUBIC
    return PILImage.fromarray(np.asarray(cv2.resize(chip, (side, side), interpolation=how)))


def clock(seconds: float) -> str:
    """A time as people read it: `0:04`, `1:02:03`."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours}:{minutes:02}:{whole % 60:02}"
    return f"{minutes}:{whole % 60:02}"


def picture_format(path: str | PathLike[str]) -> str:
    """The form of picture that a file's name says, as Pillow names it.

    Raises:
        ValueError: none that is written here.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        expected = ", ".join(_FORMATS)
        raise ValueError(f"{path}: expected a name that ends in {expected}")
    return _FORMATS[suffix]


def write_picture(picture: Picture, path: str | PathLike[str]) -> None:
    """Write a picture, whole or not at all, in the form that the suffix says.

    Raises:
        ValueError: another suffix than `.png`, `.jpg`, `.jpeg` or `.webp`.
        OSError: it cannot be written.
    """
    form = picture_format(path)
    content = io.BytesIO()
    PILImage.fromarray(picture).save(content, form, quality=92)
    replace_file(Path(path), content.getvalue())
