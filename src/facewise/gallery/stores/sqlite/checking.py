"""Look for damage in a gallery's file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np

from facewise.errors import GalleryError
from facewise.gallery.names import name_key
from facewise.gallery.stores.sqlite import rows
from facewise.gallery.stores.sqlite.connection import Database, Row
from facewise.gallery.stores.sqlite.state import read_state

_MOST = 20  # problems of one kind that are listed
_BLOCK = 4096
_CHIPS = 64
_UNIT = 2e-3  # how far from 1 the length of a vector may be; a store takes 1e-3, in float32


def problems(database: Database, dimension: int) -> list[str]:
    """What is wrong in one state of the file; see `Store.check`."""
    found: list[str] = []
    database.begin()
    try:
        for look in (_structure, _state, _records, _vectors):
            try:
                kinds = list(look(database, dimension))
            except GalleryError as error:
                kinds = [str(error)]
            found += kinds[:_MOST]
            if len(kinds) > _MOST:
                found.append(f"… and {len(kinds) - _MOST} more such problems")
    finally:
        with suppress(GalleryError):
            database.roll_back()
    return found


def _structure(database: Database, _: int) -> Iterator[str]:
    for (text,) in database.rows(f"PRAGMA integrity_check({_MOST + 1})"):
        if text != "ok":
            yield f"structure: {text}"
    for table, row, parent, _ in database.rows("PRAGMA foreign_key_check"):
        yield f"{table}: row {row} belongs to nothing in {parent}"


def _state(database: Database, _: int) -> Iterator[str]:
    state = read_state(database)
    if state.removed_at > state.erased_at:
        yield "what was removed is not erased yet; forgetting again, or `Store.erase`, erases it"
    sql = "SELECT id, version, kind, first, last, checksum FROM face_log"
    for block in database.blocks(sql, (), _BLOCK):
        for log_id, *row, stated in block:
            if rows.checksum(*row) != stated:
                yield f"damaged: entry {log_id} of the face log"


def _records(database: Database, _: int) -> Iterator[str]:
    for table, columns, record in (
        ("people", rows.PERSON, rows.person),
        ("faces", rows.FACE, rows.face),
        ("audit", rows.AUDIT, rows.audit_entry),
        ("chips", rows.CHIP, rows.chip),
    ):
        sql = f"SELECT {columns} FROM {table}"  # noqa: S608
        for block in database.blocks(sql, (), _BLOCK if table != "chips" else _CHIPS):
            yield from _refused(record, block)
    for person_id, name, key in database.rows("SELECT id, name, key FROM people"):
        if not isinstance(name, str) or name_key(name) != key:
            yield f"damaged: person {person_id} (found by another name than it has)"


def _refused(record: Callable[[Row], object], block: list[Row]) -> Iterator[str]:
    for row in block:
        try:
            record(row)
        except GalleryError as error:
            yield str(error)


def _vectors(database: Database, dimension: int) -> Iterator[str]:
    sql = f"SELECT {rows.VECTOR} FROM faces ORDER BY id"  # noqa: S608
    for block in database.blocks(sql, (), _BLOCK):
        vectors, bad = rows.vectors(block, dimension)
        for face_id in bad:
            yield f"damaged: the vector of face {face_id}"
        lengths = np.linalg.norm(vectors.vectors, axis=1)
        for face_id in vectors.face_ids[~(np.abs(lengths - 1) <= _UNIT)]:
            yield f"face {face_id}: its vector is not of unit length"
