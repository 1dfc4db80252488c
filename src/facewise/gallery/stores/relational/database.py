"""What the shared part needs of a connection to a database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

from facewise.errors import GalleryError

Row: TypeAlias = tuple[Any, ...]


class BusyError(GalleryError):
    """Another process or thread has what this one waits for."""


class Database(Protocol):
    """An open connection. SQL has `?` for its values, and nothing that only one database knows.

    Every method raises `GalleryError`, which names the gallery. Threads may share a connection, but
    for transactions and `blocks`.

    Attributes:
        name: of the gallery, in messages: a path, or a URL without a password.
    """

    name: str

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """All rows of a query."""

    def row(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        """The first row of a query."""

    def value(self, sql: str, values: Sequence[object] = ()) -> Any:
        """The only value of a query that has one row."""

    def blocks(self, sql: str, values: Sequence[object], size: int) -> Iterator[list[Row]]:
        """The rows of a query, up to `size` at a time."""

    def run(self, sql: str, values: Sequence[object] = ()) -> int:
        """Do something; how many rows it changed."""

    def run_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Do something once for each row of values."""

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Put whole rows into a table; the first column is the id."""

    def next_id(self, table: str) -> int:
        """The least id above all that rows ever had; within a transaction that writes."""

    def last_id(self, table: str) -> int:
        """The highest id, of people, faces, audit or face_log, that a row ever had; 0: none had."""

    def skip_ids(self, table: str, last_id: int) -> None:
        """Have `next_id` be above this one too; within a transaction that writes."""

    def grow(self, people: int, faces: int, chips: int) -> None:
        """Take note of how many more there are now; for databases that are slow at counting."""

    def begin(self) -> None:
        """Begin to read one state of the database; it is that of the first query."""

    def writing(self) -> AbstractContextManager[None]:
        """A transaction that writes, when it is this connection's turn: all of it, or nothing."""

    def roll_back(self) -> None:
        """Undo a transaction, if one is open."""

    def close(self) -> None:
        """Give everything back; an open transaction is undone."""
