"""Faces and embeddings of files that were looked at before, kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from facewise.faces import EmbeddedFaces, Faces
from facewise.zoo import cache_dir

if TYPE_CHECKING:
    from typing_extensions import Self

_SCHEMA = """
CREATE TABLE IF NOT EXISTS found_1 (
    key BLOB PRIMARY KEY, width INTEGER, height INTEGER, faces TEXT, dimension INTEGER, vectors BLOB
) WITHOUT ROWID
"""
_WAIT = 5.0  # seconds to wait for another process's write


def results_file() -> Path:
    """Where the cache of results lies, if nothing else is asked for."""
    return cache_dir() / "results.sqlite"


class ResultCache:
    """Results by key, in one SQLite file; several processes and threads may use it at once.

    A cache may be lost, never wrong, and never in the way: what cannot be read is as if it had not
    been kept, a file that is not a database is replaced, and where nothing can be written, nothing
    is kept.

    Args:
        path: the file; by default `results.sqlite` in the user's cache folder (`FACEWISE_CACHE`
            moves it).
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or results_file()
        # The threads share one connection, and with it one transaction: they take turns.
        self._turn = threading.Lock()
        self._database = self._open()

    def get(self, key: bytes) -> EmbeddedFaces | None:
        """What was kept under a key, or None."""
        try:
            with self._turn:
                row = self._database.execute(
                    "SELECT width, height, faces, dimension, vectors FROM found_1 WHERE key = ?",
                    (key,),
                ).fetchone()
            if row is None:
                return None
            width, height, faces, dimension, vectors = row
            embeddings = np.frombuffer(vectors, "<f4").reshape(-1, dimension).astype(np.float32)
            return EmbeddedFaces(Faces.from_json(faces), embeddings, (width, height))
        except (sqlite3.Error, ValueError, TypeError):  # damaged; FacesError is a ValueError
            return None

    def put(self, key: bytes, found: EmbeddedFaces) -> None:
        """Keep a result; each is written at once or not at all."""
        vectors = found.embeddings.astype("<f4").tobytes()
        row = (key, *found.image_size, found.faces.to_json(), found.embeddings.shape[1], vectors)
        with self._turn, contextlib.suppress(sqlite3.Error), self._database:
            self._database.execute("INSERT OR REPLACE INTO found_1 VALUES (?, ?, ?, ?, ?, ?)", row)

    def remove(self, unwanted: Callable[[EmbeddedFaces], bool]) -> int:
        """Remove results so that no byte of them stays in the file.

        What is damaged is removed too. Takes the time of reading all results, and where some are
        removed that of writing the file anew.

        Args:
            unwanted: says of each result whether it has to go.

        Returns:
            How many went.

        Raises:
            OSError: they cannot be removed: the file is in use, or cannot be written.
        """
        found = 0
        try:
            with self._turn:
                keys = [row[0] for row in self._database.execute("SELECT key FROM found_1")]
            for key in keys:
                known = self.get(key)
                if known is not None and not unwanted(known):
                    continue
                with self._turn, self._database:
                    self._database.execute("DELETE FROM found_1 WHERE key = ?", (key,))
                found += 1
            if found:
                with self._turn:
                    self._database.execute("VACUUM")
                    busy, *_ = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if busy:
                    raise sqlite3.OperationalError("others are reading it")
        except sqlite3.Error as error:
            raise OSError(
                errno.EBUSY, f"results cannot be removed ({error})", str(self.path)
            ) from error
        return found

    def close(self) -> None:
        """Give the file back."""
        with self._turn:
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> sqlite3.Connection:
        for _ in range(2):
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                return _connect(str(self.path))
            except sqlite3.OperationalError:  # locked, read-only, no space
                break
            except sqlite3.DatabaseError:  # not a database
                for suffix in ("", "-wal", "-shm"):
                    with contextlib.suppress(OSError):
                        self.path.with_name(self.path.name + suffix).unlink()
            except OSError:
                break
        return _connect(":memory:")


def _connect(name: str) -> sqlite3.Connection:
    database = sqlite3.connect(name, timeout=_WAIT, check_same_thread=False)
    try:
        # With a write-ahead log readers never wait; a power cut may cost the last entries, no more.
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        with database:
            database.execute(_SCHEMA)
    except BaseException:
        database.close()
        raise
    return database
