"""A folder of a store, opened by fsspec, that shards are written to."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from facewise.errors import ShardsError
from facewise.shards.locations import file_system, reason
from facewise.shards.output import Output


class RemoteOutput(Output):
    """A folder of a store that fsspec opens.

    A shard is made in the temporary folder of this machine and put in its place at once. What a
    store shows of an upload that was broken off has no end, and does not count as a shard.
    """

    def __init__(self, place: str) -> None:
        super().__init__(place)
        if "::" in place:
            raise ShardsError(f"{place}: cannot be written to; give a plain URL")
        self._system, path = file_system(place)
        self._path = path.rstrip("/")

    def names(self) -> set[str]:
        """See `Output`."""
        with _said_of(self.place):
            self._system.invalidate_cache(self._path)
            try:
                found = self._system.ls(self._path, detail=False)
            except FileNotFoundError:
                return set()
        names = {str(path).rstrip("/").rpartition("/")[2] for path in found}
        return {name for name in names if name and not name.startswith(".")}

    def read(self, name: str) -> bytes | None:
        """See `Output`."""
        with _said_of(self.place):
            try:
                return cast("bytes", self._system.cat_file(self._at(name)))
            except FileNotFoundError:
                return None

    def open(self, name: str) -> IO[bytes]:
        """See `Output`."""
        with _said_of(self.place):
            return cast("IO[bytes]", self._system.open(self._at(name), "rb"))

    def claim(self, name: str, content: bytes) -> bytes:
        """See `Output`."""
        known = self.read(name)
        if known is not None:
            return known
        with _said_of(self.place):
            self._system.makedirs(self._path, exist_ok=True)
            self._system.pipe_file(self._at(name), content)
        return self.read(name) or content

    @contextmanager
    def draft(self, name: str) -> Generator[Path, None, None]:
        """See `Output`."""
        with tempfile.TemporaryDirectory(prefix="facewise-shard-") as folder:
            draft = Path(folder) / name
            yield draft
            with _said_of(self.place):
                self._system.put_file(str(draft), self._at(name))

    def tidy(self, done: Set[str]) -> None:
        """See `Output`; a store keeps nothing of an upload that was broken off."""

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}"


@contextmanager
def _said_of(place: str) -> Generator[None, None, None]:
    """Errors of a store, which are of many kinds, as one that names the folder."""
    try:
        yield
    except (FileNotFoundError, ShardsError):
        raise
    except Exception as error:
        raise ShardsError(f"{place}: {reason(error)}") from error
