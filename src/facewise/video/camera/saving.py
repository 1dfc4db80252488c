"""Where snapshots and recordings go, and how a snapshot is written."""

from __future__ import annotations

import io
import os
import shutil
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image as PILImage

from facewise._files import replace_file
from facewise.errors import VideoError
from facewise.video.results import annotate

if TYPE_CHECKING:
    from facewise.video.results import Colors
    from facewise.video.tracking import TrackedFrame

RESERVE = 64 << 20
"""Bytes that stay free on the disk."""


class Folder:
    """The folder that a camera's files go into.

    Args:
        path: it is made when the first file is.

    Attributes:
        path: see above.
        names: of the files that were made, in order.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: list[str] = []
        self._taken: set[str] = set()
        self._lock = threading.Lock()

    def new(self, suffix: str) -> Path:
        """A place for a file, named by the local time; where nothing is, and nobody else writes.

        Raises:
            VideoError: the disk is full, or the folder cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.require_space()
        except OSError as error:
            raise VideoError(f"{self.path}: cannot be written ({error.strerror})") from error
        if not os.access(self.path, os.W_OK):
            raise VideoError(f"{self.path}: cannot be written, the folder does not allow it")
        stem = f"camera-{datetime.now():%Y%m%d-%H%M%S}"
        with self._lock:
            name, number = f"{stem}{suffix}", 1
            while name in self._taken or os.path.lexists(self.path / name):
                number += 1
                name = f"{stem}-{number}{suffix}"
            self._taken.add(name)
        return self.path / name

    def made(self, path: Path) -> None:
        """A file is there."""
        with self._lock:
            self.names.append(path.name)

    def require_space(self) -> None:
        """Make sure that the disk is not nearly full.

        Raises:
            VideoError: it is.
        """
        free = shutil.disk_usage(self.path).free
        if free < RESERVE:
            raise VideoError(f"{self.path}: the disk is full, {free >> 20} MB are left")


def snapshot(tracked: TrackedFrame, folder: Folder, colors: Colors, *, drawn: bool) -> Path:
    """Write a frame as a JPEG file.

    Args:
        tracked: the frame.
        folder: where to.
        colors: who has which colour.
        drawn: with boxes and names.

    Raises:
        VideoError: it cannot be written.
    """
    path = folder.new(".jpg")
    image = tracked.image
    if drawn:
        image = annotate(image, tracked.faces, colors=colors)
    content = io.BytesIO()
    PILImage.fromarray(image).save(content, "JPEG", quality=95)
    try:
        replace_file(path, content.getvalue())
    except OSError as error:
        raise VideoError(f"{path}: cannot be written ({error.strerror})") from error
    folder.made(path)
    return path
