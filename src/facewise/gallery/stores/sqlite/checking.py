"""Look for damage in the structure of a gallery's file."""

from __future__ import annotations

from collections.abc import Iterator

from facewise.gallery.stores.relational.checking import MOST
from facewise.gallery.stores.relational.database import Database


def structure(database: Database) -> Iterator[str]:
    """What SQLite itself finds; see `relational.checking.problems`."""
    for (text,) in database.rows(f"PRAGMA integrity_check({MOST + 1})"):
        if text != "ok":
            yield f"structure: {text}"
    for table, row, parent, _ in database.rows("PRAGMA foreign_key_check"):
        yield f"{table}: row {row} belongs to nothing in {parent}"
