"""What data a figure holds for: one digest of all images."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from facewise.errors import ImageError
from facewise.images import read_file
from facewise.runtime.workers import ordered_map

if TYPE_CHECKING:
    from facewise.evaluation.protocols.pairs import Picture


def data_digest(
    images: Sequence[Picture], names: Sequence[str], report: Callable[[int], None] | None = None
) -> str:
    """SHA-256 over one line for each image: the digest of its content, a space, and its name.

    An image that cannot be read counts with the word `unreadable` for its digest.

    Args:
        images: files, or their contents.
        names: of each; as in `PairProtocol.names`.
        report: called with the number of images that are done.
    """

    def digest(number: int) -> str:
        image = images[number]
        try:
            content = image if isinstance(image, bytes) else read_file(image)
        except ImageError:
            return "unreadable"
        return hashlib.sha256(content).hexdigest()

    whole = hashlib.sha256()
    with closing(ordered_map(digest, range(len(images)))) as digests:
        for number, (name, each) in enumerate(zip(names, digests, strict=True)):
            whole.update(f"{each} {name}\n".encode("utf-8", "surrogateescape"))
            if report is not None:
                report(number + 1)
    return whole.hexdigest()
