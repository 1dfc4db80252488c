"""A chip as an image file without loss, which tells what it was cut from.

The facts are JSON in EXIF's ImageDescription, so a chip and what is known of it appear together, or
not at all; a list beside the chips could disagree with them.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image as PILImage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMATS: Mapping[str, Mapping[str, Any]] = {
    ".png": {"format": "PNG", "compress_level": 1},
    ".webp": {"format": "WEBP", "lossless": True, "quality": 0, "method": 0},
}
"""How chips are written, by the end of the name; both lose nothing. WebP is read in half the time,
and smaller by a quarter; more programs read PNG."""

_DESCRIPTION = 0x010E  # EXIF 2.3, ImageDescription
_START_OF_PNG = b"\x89PNG\r\n\x1a\n"
_MARK = b'{"facewise": "chip"'
_LONGEST_HEAD = 8192  # bytes, in which a chip's facts are
_END_OF_PNG = b"\0\0\0\0IEND\xaeB`\x82"


@dataclass(frozen=True, slots=True)
class ChipFacts:
    """What a chip was cut from.

    Attributes:
        source: the photo, by its path below the folder of photos.
        bytes: of the photo's file; 0 where it is none.
        faces: how many there are in the photo.
        face: the number of this one among those that were cut.
        cut: how many were cut.
        score: of the detector, in [0, 1], four decimals.
        box: of the detector, in pixels of the photo, two decimals.
        rectangle: see `cutter.Found.rectangles`.
    """

    source: str
    bytes: int
    faces: int
    face: int
    cut: int
    score: float
    box: tuple[float, float, float, float]
    rectangle: tuple[int, int, int, int]

    def to_json(self) -> str:
        """ASCII, also of names that are no Unicode."""
        return json.dumps({"facewise": "chip", **asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> ChipFacts | None:
        """What `to_json` wrote; None of anything else."""
        try:
            values = json.loads(text)
            if values.pop("facewise") != "chip":
                return None
            values["box"], values["rectangle"] = tuple(values["box"]), tuple(values["rectangle"])
            return cls(**values)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None


def encoded(chip: NDArray[np.uint8], suffix: str, facts: ChipFacts | None = None) -> bytes:
    """A chip as an image file without loss; `suffix` is one of `FORMATS`."""
    file = io.BytesIO()
    options = dict(FORMATS[suffix])
    if facts is not None:
        exif = PILImage.Exif()
        exif[_DESCRIPTION] = facts.to_json()
        options["exif"] = exif
    PILImage.fromarray(chip).save(file, **options)
    return file.getvalue()


def facts_of(path: Path) -> ChipFacts | None:
    """What a chip tells; None of any other picture. Pixels are not read.

    Raises:
        OSError: there is no such file, or it cannot be read, is no picture, or ends too early.
    """
    try:
        with PILImage.open(path) as image:
            text = image.getexif().get(_DESCRIPTION)
    except OSError:
        raise
    except Exception as error:  # Pillow's plugins raise many kinds on hostile headers
        raise OSError(f"{path}: damaged ({error})") from error
    facts = ChipFacts.from_json(text) if isinstance(text, str) else None
    if facts is not None and not _is_whole(path):
        raise OSError(f"{path}: ends too early")
    return facts


def is_spoilt(path: Path) -> bool:
    """Whether a file is what a power cut leaves of a chip: nothing, zeros, or a part of it.

    Of other files at most those are taken for one that hold no picture either: nothing but zeros,
    or the first bytes of a PNG or WebP file that breaks off.
    """
    with path.open("rb") as file:
        start = file.read(_LONGEST_HEAD)
        size = file.seek(0, os.SEEK_END)
        if not start.strip(b"\0"):
            file.seek(0)
            return not any(block.strip(b"\0") for block in iter(lambda: file.read(1 << 20), b""))
    if start.startswith(b"RIFF"):
        declared = int.from_bytes(start[4:8], "little") + 8
        return start[8:16] in {b"WEBPVP8X", b"WEBPVP8L"} and declared > size
    if not start.startswith(_START_OF_PNG):
        return size < len(_START_OF_PNG) and _START_OF_PNG.startswith(start)
    return _MARK in start or (size < _LONGEST_HEAD and b"IDAT" not in start)


def _is_whole(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(8)
        size = file.seek(0, os.SEEK_END)
        if start.startswith(b"RIFF"):
            return int.from_bytes(start[4:], "little") + 8 == size
        file.seek(max(size - len(_END_OF_PNG), 0))
        return file.read() == _END_OF_PNG
