"""The pictures in a folder and its sub-folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# fmt: off
EXTENSIONS = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff",
    ".jp2", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".avif", ".heic", ".heif",
})
# fmt: on
"""Names that are taken for pictures, in lower case.

Pillow reads the last three only with its newer versions or a plug-in. They are listed all the same:
an error for such a file is better than passing over it in silence.
"""


def is_picture(path: Path) -> bool:
    """Whether a file's name is that of a picture, and it is not hidden."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


def pictures_in(folder: Path, *, skip: Path | None = None) -> Iterator[Path]:
    """The pictures of a folder and all folders below it, each folder in the order of names.

    Hidden files and folders are passed over, and so is every file that has not a picture's name.
    Links to folders are followed; each folder is visited once, so a loop of links ends.

    Args:
        folder: where to look; paths begin with it.
        skip: a folder to pass over when it is met below `folder`, or is `folder` itself.

    Raises:
        OSError: `folder` itself cannot be listed. Of a folder below it that cannot be, the path is
            given: whoever reads it as a picture reports it.
    """
    visited = {identity(folder)}
    if skip is not None and skip.exists():
        if identity(skip) in visited:
            return  # the folder is a link to it
        visited.add(identity(skip))
    yield from _walk(sorted(folder.iterdir()), visited)


def _walk(entries: list[Path], visited: set[tuple[int, int]]) -> Iterator[Path]:
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if not os.path.isdir(entry):  # noqa: PTH112 - `Path.is_dir` raises where it may not look
            # A pipe or a device with such a name would be waited for, perhaps for ever.
            if is_picture(entry) and (entry.is_file() or not entry.exists()):
                yield entry
            continue
        if (folder := identity(entry)) in visited:
            continue
        visited.add(folder)
        try:
            below = sorted(entry.iterdir())
        except OSError:
            yield entry
            continue
        yield from _walk(below, visited)


def identity(path: Path) -> tuple[int, int]:
    """What is equal for two paths of the same folder, also through links."""
    status = path.stat()
    return status.st_dev, status.st_ino
