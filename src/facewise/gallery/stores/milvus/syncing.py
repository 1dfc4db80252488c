"""Make what other code wrote to files safe from a power cut."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from facewise._files import to_disk

_Seen: TypeAlias = "dict[str, tuple[int, int, int]]"


class Syncing:
    """Brings the files of a folder to the disk, each when it has changed.

    Args:
        folder: with all folders in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: _Seen = {}

    def run(self) -> None:
        """Bring what has changed since the last time to the disk; files may come and go.

        Raises:
            OSError: the disk refuses.
        """
        seen: _Seen = {}
        for folder, _, names in os.walk(self._folder):
            for path in (*(os.path.join(folder, name) for name in names), folder):  # noqa: PTH118
                with suppress(FileNotFoundError):
                    about = os.stat(path)  # noqa: PTH116
                    seen[path] = (about.st_ino, about.st_size, about.st_mtime_ns)
                    if self._seen.get(path) != seen[path]:
                        to_disk(Path(path))
        self._seen = seen
