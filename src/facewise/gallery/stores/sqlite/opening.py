"""Find the file of a gallery, or make it.

It is never opened but by SQLite: where a process closes a file, POSIX takes all its locks on that
file away, also those of connections that are open.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import suppress
from pathlib import Path

from facewise.errors import GalleryError
from facewise.gallery.model_facts import ModelFacts
from facewise.gallery.sealing.keys import Key
from facewise.gallery.sealing.wrapping import sealed_anew
from facewise.gallery.stores.face_log import next_version
from facewise.gallery.stores.relational.state import State, first_state, read_state
from facewise.gallery.stores.sqlite.connection import SqliteDatabase
from facewise.gallery.stores.sqlite.schema import APPLICATION, PAGE, SCHEMA, write_schema

_OLDEST = (3, 37)  # STRICT tables
_SMALLEST_PAGE = 512


def make(path: Path, facts: ModelFacts, wait: float, key: Key | None = None) -> None:
    """Make a gallery, whole or not at all; readable by its owner only, sealed if a key is given.

    Raises:
        GalleryError: something is there already (what an interrupted `make` left is finished), or
            nothing can be written, or the key can be none.
        ExtraMissingError: a key was given, and the package `cryptography` is not installed.
    """
    _check_sqlite()
    identity = secrets.token_hex(16)
    sealing = "" if key is None else sealed_anew(identity, key)
    try:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise GalleryError(f"{path}: cannot be made ({error.strerror})") from None
    # What is smaller than a page, SQLite takes for nothing.
    if not path.is_file() or 0 < path.stat().st_size < _SMALLEST_PAGE:
        raise GalleryError(f"{path}: exists already, and is no gallery")
    database = _empty_database(path, wait)
    try:
        database.run(f"PRAGMA page_size={PAGE}")
        database.keep_log()
        with database.writing():
            _check_empty(database)
            write_schema(database)
            start = next_version(0)
            state = State(identity, facts.to_json(), sealing, start, start, start, start)
            first_state(database, state)
    finally:
        database.close()


def connect(path: Path, wait: float) -> SqliteDatabase:
    """Connect to a gallery that is there.

    Raises:
        GalleryError: it is not there, no gallery, damaged or of a newer facewise.
    """
    _check_sqlite()
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        raise GalleryError(
            f"{path}: no such gallery; make one with `facewise gallery create`"
        ) from None
    except OSError as error:
        raise GalleryError(f"{path}: cannot be read ({error.strerror})") from None
    if not path.is_file():
        raise GalleryError(f"{path}: not a file, and so no gallery")
    if size == 0:
        raise GalleryError(f"{path}: an empty file, no gallery; was its creation interrupted?")
    database = SqliteDatabase(path, wait)
    try:
        application = database.value("PRAGMA application_id")
        schema = database.value("PRAGMA user_version")
        if application != APPLICATION:
            raise GalleryError(f"{path}: a SQLite file, but no gallery")
        if schema != SCHEMA:
            raise GalleryError(
                f"{path}: a gallery of format {schema}; this facewise reads format {SCHEMA}"
            )
        read_state(database)
    except BaseException:
        database.close()
        raise
    return database


def _empty_database(path: Path, wait: float) -> SqliteDatabase:
    """A connection to a file in which there is nothing yet; a file of others is left as it is."""
    database = None
    try:
        database = SqliteDatabase(path, wait)
        _check_empty(database)
    except BaseException as error:
        if database is not None:
            database.close()
        if type(error) is not GalleryError or "exists already" in str(error):
            raise
        text = str(error).removeprefix(f"{path}: ")
        raise GalleryError(f"{path}: exists already: {text}") from None
    return database


def _check_empty(database: SqliteDatabase) -> None:
    if database.value("SELECT count(*) FROM sqlite_master"):
        raise GalleryError(f"{database.path}: exists already; open it, or choose another name")


def _check_sqlite() -> None:
    if sqlite3.sqlite_version_info < _OLDEST:
        raise GalleryError(
            f"SQLite {sqlite3.sqlite_version}: galleries need at least "
            f"{'.'.join(map(str, _OLDEST))}; use a newer Python"
        )
