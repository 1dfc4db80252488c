"""The tables of a gallery's file."""

from __future__ import annotations

from facewise.gallery.stores.sqlite.connection import SqliteDatabase

APPLICATION = 0x46776731
"""`application_id` of a gallery: "Fwg1"."""

SCHEMA = 1
"""`user_version` of the tables below."""

PAGE = 16384
"""Bytes of a page: seven vectors of 512 numbers fill one to nine tenths; in SQLite's 4,096 there is
room for one."""

# AUTOINCREMENT: an id is never given twice, so that nothing old can be taken for something new.
# SQLite finds damage in the structure of a file, but not in what rows say: hence the checksums.
_TABLES = """
CREATE TABLE state (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    identity TEXT NOT NULL,
    facts TEXT NOT NULL,
    sealing TEXT NOT NULL,
    version INTEGER NOT NULL,
    log_start INTEGER NOT NULL,
    removed_at INTEGER NOT NULL,
    erased_at INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE people (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE,
    notes TEXT NOT NULL,
    consent TEXT NOT NULL,
    retain_until TEXT,
    created TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE faces (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    x1 REAL, y1 REAL, x2 REAL, y2 REAL,
    quality REAL,
    created TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    vector_checksum INTEGER NOT NULL,
    vector BLOB NOT NULL
) STRICT;
CREATE INDEX faces_of_person ON faces (person_id);
CREATE TABLE chips (
    face_id INTEGER PRIMARY KEY REFERENCES faces (id) ON DELETE CASCADE,
    png BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE face_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    version INTEGER NOT NULL,
    kind TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE INDEX face_log_version ON face_log (version);
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,
    action TEXT NOT NULL,
    person_id INTEGER,
    count INTEGER NOT NULL,
    detail TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
"""


def write_schema(database: SqliteDatabase) -> None:
    """Make the tables, within a transaction that is open."""
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            database.run(statement)
    database.run(f"PRAGMA application_id={APPLICATION}")
    database.run(f"PRAGMA user_version={SCHEMA}")
