"""A file whose own errors can be told from those of what is in it."""

from __future__ import annotations

import io
from typing import IO, Any


class WatchedFile:
    """A file for reading that remembers the error of a read.

    Whoever parses a file raises errors of the same kinds for a wrong byte and for a network that is
    gone. Only the first means that the file is damaged.

    Args:
        file: for reading, from any place in it; it is closed with this one.

    Attributes:
        problem: what reading has raised, or None.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.problem: Exception | None = None

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return bool(self._file.closed)

    def read(self, size: int = -1) -> bytes:
        """So many bytes from where it stands, or fewer at the end; raises as the file does."""
        try:
            return self._file.read(size)
        except Exception as error:  # of any package that a protocol is made of
            self.problem = error
            raise

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; raises as the file does."""
        try:
            return self._file.seek(offset, whence)
        except Exception as error:
            self.problem = error
            raise

    def tell(self) -> int:
        """Where it stands."""
        return self._file.tell()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def writable(self) -> bool:
        """It is not."""
        return False

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> WatchedFile:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
