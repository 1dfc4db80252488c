"""A file that is written beside its place, and put there when it is whole."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from facewise.errors import VideoError


class Draft:
    """The draft of a file, with the same suffix; hidden, in the same folder.

    Attributes:
        path: of the draft; write to it.

    Raises:
        VideoError: the place is a folder, a device or a pipe, or its folder cannot be made.
    """

    def __init__(self, place: Path) -> None:
        try:
            self._place = Path(os.path.realpath(place))
            if self._place.exists() and not self._place.is_file():
                raise VideoError(f"{place}: is a folder or device, expected the name of a file")
            self._place.parent.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise VideoError(f"{place}: cannot be written ({error})") from error
        stem, suffix = self._place.stem[:80], self._place.suffix
        self.path = self._place.with_name(f".{stem}.{secrets.token_hex(4)}.part{suffix}")

    def keep(self) -> None:
        """Put it in its place, with the permissions of an older file there.

        Raises:
            OSError: it cannot be put there.
        """
        if self._place.exists():
            self.path.chmod(self._place.stat().st_mode & 0o777)
        self.path.replace(self._place)

    def drop(self) -> None:
        """Remove it, where it is still there."""
        self.path.unlink(missing_ok=True)
