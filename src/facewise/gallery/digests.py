"""Know a picture again by its content, whatever its file is called."""

from __future__ import annotations

import hashlib
import re
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from facewise.images import load, read_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facewise.images import ImageSource

_MARK = "#sha256="
_DIGEST = re.compile(rf"{_MARK}([0-9a-f]{{64}})\Z")


def read(source: ImageSource, name: str) -> tuple[bytes | NDArray[np.uint8], str]:
    """The content of a picture, read once, and its digest.

    Args:
        source: a picture in any form that `facewise.load_image` takes.
        name: what error messages call it.

    Returns:
        The bytes of the file (or of what was given), or the pixels where there is no file; and
        their sha256, 64 hexadecimal digits.

    Raises:
        ImageError: the input is not there, or is no picture.
    """
    if isinstance(source, (str, PathLike)):
        source = read_file(Path(source), name)
    if isinstance(source, (bytes, bytearray, memoryview)):
        content = bytes(source)
        return content, hashlib.sha256(content).hexdigest()
    pixels = load(source, name=name)
    return pixels, hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()


def source_text(name: str, digest: str) -> str:
    """What a face's record keeps of where it came from: the name, and the digest behind a mark."""
    return f"{name}{_MARK}{digest}"


def name_in(source: str) -> str:
    """The name of a source, without the digest.

    Example:
        >>> from facewise.gallery.digests import digest_in, name_in, source_text
        >>> source = source_text("ann.jpg", "ab" * 32)
        >>> name_in(source), digest_in(source)[:4], digest_in("elsewhere.jpg")
        ('ann.jpg', 'abab', None)
    """
    return _DIGEST.sub("", source)


def digest_in(source: str) -> str | None:
    """The digest of a source, or None where it has none."""
    found = _DIGEST.search(source)
    return found[1] if found else None
