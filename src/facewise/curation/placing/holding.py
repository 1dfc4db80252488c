"""One process at a time works with the journals of a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facewise.errors import CurationError


@contextmanager
def held(journal: Path) -> Iterator[None]:
    """Keep others from using a journal; a process that was killed keeps nobody.

    The folder itself is locked, so no file is left. Where systems have no such locks (Windows, some
    network drives) nobody is kept out.

    Raises:
        CurationError: somebody else has it.
        OSError: there is no such folder.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    folder = os.open(journal.parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CurationError(f"{journal}: another process is placing or undoing there") from None
        except OSError:
            pass
        yield
    finally:
        os.close(folder)
