"""The face log as a table."""

from __future__ import annotations

from collections.abc import Sequence

from facewise.gallery.records import FaceChanges
from facewise.gallery.stores.face_log import Event, total
from facewise.gallery.stores.relational.database import Database
from facewise.gallery.stores.relational.rows import checksum
from facewise.gallery.stores.relational.state import State, read_state

KEPT = 100_000
"""Entries that are kept; one is a run of ids, not a face."""


def append(database: Database, version: int, events: Sequence[Event]) -> None:
    """Write what a change did, which led to a version."""
    first = database.next_id("face_log")
    rows = [(version, *event) for event in events]
    database.insert(
        "face_log", [(id_, *row, checksum(*row)) for id_, row in enumerate(rows, start=first)]
    )


def trim(database: Database, state: State, coming: int) -> int:
    """Take the oldest entries away, so that there is room for some more.

    Returns:
        The version from which on the log tells all.
    """
    last = database.value("SELECT coalesce(max(id), 0) FROM face_log") + coming - KEPT
    gone: int | None = database.value("SELECT max(version) FROM face_log WHERE id <= ?", (last,))
    if gone is None:
        return state.log_start
    database.run("DELETE FROM face_log WHERE id <= ?", (last,))
    return gone


def changes(database: Database, since: int) -> FaceChanges | None:
    """What happened since a version; see `Store.changes`. A damaged log tells nothing: None."""
    database.begin()
    try:
        state = read_state(database)
        sql = (
            "SELECT version, kind, first, last, checksum FROM face_log WHERE version >= ? "
            "ORDER BY id"
        )
        log = database.rows(sql, (since,))
    finally:
        database.roll_back()
    known = (state.version, state.log_start, *(row[0] for row in log[:1]))
    if since not in known or any(checksum(*row[:-1]) != row[-1] for row in log):
        return None
    return total([Event(*row[1:-1]) for row in log if row[0] > since], state.version)
