"""Faces and embeddings of files that were looked at before, kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import errno
import os
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
_SUFFIXES = ("", "-wal", "-shm")  # of the files of a database; SQLite gives all the same mode


def results_file() -> Path:
    """Where the cache of results lies, if nothing else is asked for."""
    return cache_dir() / "results.sqlite"


class ResultCache:
    """Results by key, in one SQLite file; several processes and threads may use it at once.

    A cache may be lost, never wrong, and never in the way: what cannot be read is as if it had not
    been kept, a file that is not a database is replaced, and where nothing can be written, nothing
    is kept. But whoever removes results has to know that they were those of the file: `strict`.

    The file can be read by its owner only, since faces are in it: mode 600, in a folder of mode 700
    where that is new.

    Args:
        path: the file; by default `results.sqlite` in the user's cache folder (`FACEWISE_CACHE`
            moves it).
        strict: it is an error where the file cannot be opened; otherwise nothing is kept then.

    Raises:
        OSError: with `strict`, the file is in use, or cannot be opened; names it.
    """

    def __init__(self, path: Path | None = None, *, strict: bool = False) -> None:
        self.path = path or results_file()
        # The threads share one connection, and with it one transaction: they take turns.
        self._turn = threading.Lock()
        self._database = self._open(strict)

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
        try:
            with self._turn:
                keys = [row[0] for row in self._database.execute("SELECT key FROM found_1")]
            gone = [key for key in keys if (known := self.get(key)) is None or unwanted(known)]
            if gone:
                with self._turn, self._database:
                    self._database.executemany(
                        "DELETE FROM found_1 WHERE key = ?", ((key,) for key in gone)
                    )
                    self._database.execute(f"PRAGMA user_version={self._removals() + 1}")
        except sqlite3.Error as error:
            raise self._refused(error) from error
        self.erase()
        return len(gone)

    def erase(self) -> None:
        """Complete what `remove` does, if a process was killed within it; else do nothing.

        Raises:
            OSError: as `remove`.
        """
        try:
            with self._turn:
                seen = self._removals()
                if not seen:
                    return
                self._database.execute("VACUUM")
                busy, *_ = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if busy:
                    raise sqlite3.OperationalError("others are reading it")
                with self._database:
                    self._database.execute("BEGIN IMMEDIATE")
                    if self._removals() == seen:  # else others erase what they have removed
                        self._database.execute("PRAGMA user_version=0")
        except sqlite3.Error as error:
            raise self._refused(error) from error

    def _removals(self) -> int:
        """How many times something was removed since everything was erased; kept in the file."""
        return int(self._database.execute("PRAGMA user_version").fetchone()[0])

    def _refused(self, error: sqlite3.Error) -> OSError:
        return OSError(errno.EBUSY, f"results cannot be removed ({error})", str(self.path))

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

    def _open(self, strict: bool) -> sqlite3.Connection:
        reason: Exception
        for _ in range(2):
            try:
                self._make_private()
                return _connect(str(self.path))
            except sqlite3.OperationalError as error:  # locked, read-only, no space
                reason = error
                break
            except sqlite3.DatabaseError as error:  # not a database
                reason = error
                for suffix in _SUFFIXES:
                    with contextlib.suppress(OSError):
                        self.path.with_name(self.path.name + suffix).unlink()
            except OSError as error:
                reason = error
                break
        if strict:
            text = getattr(reason, "strerror", None) or str(reason)
            raise OSError(errno.EBUSY, f"cannot be opened ({text})", str(self.path)) from reason
        return _connect(":memory:")

    def _make_private(self) -> None:
        """Make the file if there is none, and take it from others who could read it.

        It is not opened where it is there: to close it takes the locks of our own connections away.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        for suffix in _SUFFIXES:
            path = self.path.with_name(self.path.name + suffix)
            with contextlib.suppress(OSError):  # another's, or just gone
                mode = path.stat().st_mode & 0o777
                if mode & 0o077:
                    path.chmod(mode & 0o700)


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
