"""Look for damage in a gallery."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TypeAlias

import numpy as np

from facewise.errors import GalleryError
from facewise.gallery.chip_form import ChipForm
from facewise.gallery.names import name_key
from facewise.gallery.stores.relational import rows
from facewise.gallery.stores.relational.database import Database, Row
from facewise.gallery.stores.relational.state import read_state
from facewise.gallery.vector_form import VectorForm

MOST = 20
"""Problems of one kind that are listed."""

_BLOCK = 4096
_CHIPS = 64
_UNIT = 2e-3  # how far from 1 the length of a vector may be; a store takes 1e-3, in float32


Look: TypeAlias = Callable[[Database], Iterator[str]]
"""Looks for one kind of problems."""


def problems(database: Database, form: VectorForm, chips: ChipForm, *looks: Look) -> list[str]:
    """What is wrong in one state of a gallery; see `Store.check`.

    Args:
        database: a connection that nobody else uses.
        form: of the vectors.
        chips: form of the chips.
        looks: for what only this kind of database has, before what all have.
    """
    found: list[str] = []
    database.begin()
    try:
        shared: list[Look] = [_state, partial(_records, chips=chips), partial(_vectors, form=form)]
        for look in (*looks, *shared):
            try:
                kinds = list(look(database))
            except GalleryError as error:
                kinds = [str(error)]
            found += kinds[:MOST]
            if len(kinds) > MOST:
                found.append(f"… and {len(kinds) - MOST} more such problems")
    finally:
        with suppress(GalleryError):
            database.roll_back()
    return found


def _state(database: Database) -> Iterator[str]:
    state = read_state(database)
    if state.removed_at > state.erased_at:
        yield "what was removed is not erased yet; forgetting again, or `Store.erase`, erases it"
    sql = "SELECT id, version, kind, first, last, checksum FROM face_log"
    for block in database.blocks(sql, (), _BLOCK):
        for log_id, *row, stated in block:
            if rows.checksum(*row) != stated:
                yield f"damaged: entry {log_id} of the face log"


def _records(database: Database, chips: ChipForm) -> Iterator[str]:
    for table, columns, record in (
        ("people", rows.PERSON, rows.person),
        ("faces", rows.FACE, rows.face),
        ("audit", rows.AUDIT, rows.audit_entry),
        ("chips", rows.CHIP, partial(rows.chip, form=chips)),
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


def _vectors(database: Database, form: VectorForm) -> Iterator[str]:
    sql = f"SELECT {rows.VECTOR} FROM faces ORDER BY id"  # noqa: S608
    for block in database.blocks(sql, (), _BLOCK):
        vectors, bad = rows.vectors(block, form)
        for face_id in bad:
            yield f"damaged: the vector of face {face_id}"
        lengths = np.linalg.norm(vectors.vectors, axis=1)
        for face_id in vectors.face_ids[~(np.abs(lengths - 1) <= _UNIT)]:
            yield f"face {face_id}: its vector is not of unit length"
