"""A cache of faces and embeddings in the user's cache folder, safe for several processes."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise.faces import Faces
from facewise.zoo import cache_dir

if TYPE_CHECKING:
    from facewise.pipeline import EmbeddedFaces

_SCHEMA = """
CREATE TABLE IF NOT EXISTS found (
    key BLOB PRIMARY KEY, width INTEGER, height INTEGER, faces TEXT, dimension INTEGER, vectors BLOB
) WITHOUT ROWID
"""
_WAIT = 30.0  # seconds to wait for another process's write


class EmbeddingCache:
    """Results by key, in one SQLite file; each entry is written at once or not at all.

    A cache may be lost, never wrong: a file that is not a database is replaced, and where the
    folder cannot be written to, nothing is kept.

    Args:
        path: the file; by default `embeddings.sqlite` in the user's cache folder
            (`FACEWISE_CACHE` moves it).
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or cache_dir() / "embeddings.sqlite"
        self._database = self._open()

    def get(self, key: bytes) -> EmbeddedFaces | None:
        """What was kept under a key, or None."""
        from facewise.pipeline import EmbeddedFaces

        row = self._database.execute(
            "SELECT width, height, faces, dimension, vectors FROM found WHERE key = ?", (key,)
        ).fetchone()
        if row is None:
            return None
        width, height, faces, dimension, vectors = row
        embeddings = np.frombuffer(vectors, "<f4").reshape(-1, dimension).astype(np.float32)
        return EmbeddedFaces(Faces.from_json(faces), embeddings, (width, height))

    def put(self, key: bytes, found: EmbeddedFaces) -> None:
        """Keep a result; it is on disk when this returns."""
        vectors = found.embeddings.astype("<f4").tobytes()
        row = (key, *found.image_size, found.faces.to_json(), found.embeddings.shape[1], vectors)
        with self._database:
            self._database.execute("INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    def _open(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return _connect(str(self.path))
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # locked, read-only, no space
                return _connect(":memory:")
            self.path.unlink()  # not a database
            return _connect(str(self.path))
        except OSError:
            return _connect(":memory:")


def _connect(name: str) -> sqlite3.Connection:
    database = sqlite3.connect(name, timeout=_WAIT, check_same_thread=False)
    # With a write-ahead log readers never wait; a power cut may cost the last entries, no more.
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    with database:
        database.execute(_SCHEMA)
    return database
