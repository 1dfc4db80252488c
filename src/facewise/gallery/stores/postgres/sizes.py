"""How many rows the tables have, and the last ids: PostgreSQL would have to count them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from facewise.errors import GalleryError

SIZED = ("people", "faces", "chips", "audit", "face_log")
"""Tables with a row in the table `sizes`. Of the last two no rows are counted."""


@dataclass
class _Size:
    rows: int
    last_id: int
    is_new: bool = False


class Sizes:
    """The table `sizes`; within a change it is read when that begins, and written as it ends.

    Args:
        gallery: what messages call it.
        found: the rows of `QUERY`.

    Raises:
        GalleryError: rows are missing.
    """

    QUERY = "SELECT name, rows, last_id FROM sizes"
    WRITE = "UPDATE sizes SET rows = ?, last_id = ? WHERE name = ?"

    def __init__(self, gallery: str, found: Sequence[tuple[Any, ...]]) -> None:
        self._sizes = {name: _Size(rows, last_id) for name, rows, last_id in found}
        if set(SIZED) - self._sizes.keys():
            raise GalleryError(f"{gallery}: damaged (its sizes); put back a copy of it")

    def rows(self, table: str) -> int:
        """How many a table has."""
        return self._sizes[table].rows

    def last_id(self, table: str) -> int:
        """The highest id that a row of a table ever had; 0: none had."""
        return self._sizes[table].last_id

    def given(self, table: str, last_id: int) -> None:
        """Ids up to this one are not free any more."""
        size = self._sizes.get(table)
        if size is not None and last_id > size.last_id:
            size.last_id, size.is_new = last_id, True

    def grow(self, **more: int) -> None:
        """So many rows more, by table."""
        for table, count in more.items():
            if count:
                self._sizes[table].rows += count
                self._sizes[table].is_new = True

    def changed(self) -> Iterator[tuple[int, int, str]]:
        """The values for `WRITE`, of each table that changed."""
        for name, size in self._sizes.items():
            if size.is_new:
                yield size.rows, size.last_id, name
