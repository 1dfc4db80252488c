"""The file of an album: one SQLite database, every change one transaction."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facewise.errors import CurationError

_VERSION = 1
_APPLICATION = 0x46574342  # "FWCB"
_WAIT = 10.0  # seconds to wait for another process

_SCHEMA = """
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE photos (
    id INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE,
    width INTEGER NOT NULL, height INTEGER NOT NULL
);
CREATE TABLE files (
    path BLOB PRIMARY KEY, photo INTEGER NOT NULL REFERENCES photos,
    size INTEGER NOT NULL, changed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX files_of_photos ON files (photo);
CREATE TABLE clusters (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, key TEXT UNIQUE
);
CREATE TABLE faces (
    id INTEGER PRIMARY KEY AUTOINCREMENT, photo INTEGER NOT NULL REFERENCES photos,
    cluster INTEGER REFERENCES clusters, left_out INTEGER NOT NULL DEFAULT 0,
    x1 REAL NOT NULL, y1 REAL NOT NULL, x2 REAL NOT NULL, y2 REAL NOT NULL,
    score REAL NOT NULL, quality REAL NOT NULL, vector BLOB NOT NULL, thumbnail BLOB NOT NULL
);
CREATE INDEX faces_of_photos ON faces (photo);
CREATE INDEX faces_of_clusters ON faces (cluster);
CREATE TABLE apart (
    a INTEGER NOT NULL REFERENCES clusters ON DELETE CASCADE,
    b INTEGER NOT NULL REFERENCES clusters ON DELETE CASCADE,
    PRIMARY KEY (a, b), CHECK (a < b)
) WITHOUT ROWID;
"""


def create(path: Path) -> sqlite3.Connection:
    """Make the file, which only its owner can read: faces are in it.

    Raises:
        CurationError: it is there already.
        OSError: it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        raise CurationError(f"{path}: is there already") from None
    return _connect(path)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, and finish making it if a process was killed while it did.

    Raises:
        CurationError: it is missing, or no album; names it.
    """
    if not path.is_file():
        raise CurationError(f"{path}: no such album; `facewise cluster PHOTOS` makes it")
    return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    with refused(path):
        database = sqlite3.connect(path, timeout=_WAIT, isolation_level=None)
        try:
            database.execute("PRAGMA foreign_keys=ON")
            database.execute("PRAGMA synchronous=FULL")
            database.execute("PRAGMA secure_delete=ON")  # what is removed is overwritten
            database.execute("BEGIN IMMEDIATE")
            known = _number(database, "application_id"), _number(database, "user_version")
            if known == (0, 0) and not _number(database, "schema_version"):
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA application_id={_APPLICATION}")
                database.execute(f"PRAGMA user_version={_VERSION}")
            elif known[0] != _APPLICATION:
                raise CurationError(f"{path}: not an album of `facewise cluster`")
            elif known[1] != _VERSION:
                raise CurationError(
                    f"{path}: has version {known[1]}, expected {_VERSION}; use the facewise that "
                    "wrote it, or begin another album"
                )
            database.execute("COMMIT")
        except BaseException:
            database.close()
            raise
    return database


@contextmanager
def transaction(database: sqlite3.Connection, path: Path) -> Iterator[None]:
    """All that is done within it reaches the disk, or nothing.

    Raises:
        CurationError: the file is busy, damaged or cannot be written; names it.
    """
    with refused(path):
        database.execute("BEGIN IMMEDIATE")
        try:
            yield
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise


@contextmanager
def refused(path: Path) -> Iterator[None]:
    """Turn an error of SQLite into one that names the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise CurationError(f"{path}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise CurationError(f"{path}: not an album, or damaged ({error})") from error


def _number(database: sqlite3.Connection, pragma: str) -> int:
    return int(database.execute(f"PRAGMA {pragma}").fetchone()[0])
