"""A folder of this machine that shards are written to."""

from __future__ import annotations

import os
from collections.abc import Generator, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from facewise._files import part_of, publish, to_disk
from facewise.errors import ShardsError
from facewise.shards.output import Output


class LocalOutput(Output):
    """A folder of this machine, or one that several have in common."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self._folder = Path(place)
        if os.path.lexists(place) and not self._folder.is_dir():
            raise ShardsError(f"{place}: is a file, expected a folder for shards")

    def names(self) -> set[str]:
        """See `Output`."""
        try:
            return {path.name for path in self._folder.iterdir() if not path.name.startswith(".")}
        except FileNotFoundError:
            return set()

    def read(self, name: str) -> bytes | None:
        """See `Output`."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def open(self, name: str) -> IO[bytes]:
        """See `Output`."""
        return (self._folder / name).open("rb")

    def claim(self, name: str, content: bytes) -> bytes:
        """See `Output`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = part_of(self._folder / name)
        try:
            draft.write_bytes(content)
            with suppress(FileExistsError):
                publish(draft, self._folder / name, over=False)
        finally:
            draft.unlink(missing_ok=True)
        to_disk(self._folder)
        return (self._folder / name).read_bytes()

    @contextmanager
    def draft(self, name: str) -> Generator[Path, None, None]:
        """See `Output`."""
        draft = part_of(self._folder / name)
        try:
            yield draft
            try:
                publish(draft, self._folder / name, over=True)
            except FileNotFoundError:
                # Somebody else was faster with the same unit, and has tidied up.
                if not (self._folder / name).exists():
                    raise
        finally:
            draft.unlink(missing_ok=True)

    def tidy(self, done: Set[str]) -> None:
        """See `Output`."""
        for path in self._folder.glob(".*.part"):
            if path.name[1:].rsplit(".", 2)[0] in done:
                path.unlink(missing_ok=True)
