"""Chips on their way into the folder: each appears whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from facewise._files import runs

_FOLDER = ".facewise-align.parts"
_NAME = re.compile(r"([1-9][0-9]{0,9})-[0-9a-f]{8}\Z")


class Drafts:
    """A hidden folder of half files in a folder of chips; empty when nobody writes.

    What killed processes of this machine have left in it is removed.

    Args:
        out: the folder of chips, which is there.
    """

    def __init__(self, out: Path) -> None:
        self._folder = out / _FOLDER
        self._clear()

    def write(self, place: Path, content: bytes) -> None:
        """Write a file so that a reader finds all of it or nothing; folders are made.

        Raises:
            OSError: it cannot be written; names it.
        """
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            part = self._drafted(content)
            try:
                part.replace(place)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        except OSError as error:  # which may name a draft of ours
            raise OSError(error.errno, error.strerror or str(error), str(place)) from error

    def _drafted(self, content: bytes) -> Path:
        part = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}"
        for last in (False, False, True):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                part.write_bytes(content)
                return part
            except FileNotFoundError:  # another process has just taken the folder away
                if last:
                    raise
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        return part

    def close(self) -> None:
        """Take the folder away, unless others are writing."""
        with suppress(OSError):
            self._folder.rmdir()

    def _clear(self) -> None:
        with suppress(OSError):
            for part in self._folder.iterdir():
                found = _NAME.match(part.name)
                if found and not runs(int(found[1])):
                    part.unlink(missing_ok=True)
