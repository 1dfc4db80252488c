"""What data a figure holds for: one digest of all images."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from facewise.errors import ImageError
from facewise.images import read_file

if TYPE_CHECKING:
    from facewise.evaluation.protocols.pairs import Picture


def data_digest(
    images: Sequence[Picture], names: Sequence[str], report: Callable[[int], None] | None = None
) -> str:
    """SHA-256 over one line for each image: the digest of its content, a space, and its name.

    One after the other: in threads, small files wait for each other longer than they take to read.
    An image that cannot be read counts with the word `unreadable` for its digest.

    Args:
        images: files, or their contents.
        names: of each; as in `PairProtocol.names`.
        report: called with the number of images that are done.
    """
    whole = hashlib.sha256()
    for number, (image, name) in enumerate(zip(images, names, strict=True)):
        whole.update(f"{_digest(image)} {name}\n".encode("utf-8", "surrogateescape"))
        if report is not None:
            report(number + 1)
    return whole.hexdigest()


def _digest(image: Picture) -> str:
    try:
        content = image if isinstance(image, bytes) else read_file(image)
    except ImageError:
        return "unreadable"
    return hashlib.sha256(content).hexdigest()
