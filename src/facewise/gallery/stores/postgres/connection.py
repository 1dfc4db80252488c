"""A connection to a gallery's database, whose errors name the gallery."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from facewise.errors import GalleryError
from facewise.gallery.stores.postgres.errors import LostError, named
from facewise.gallery.stores.postgres.session import session
from facewise.gallery.stores.postgres.vector_bytes import teach
from facewise.gallery.stores.relational.database import Row

if TYPE_CHECKING:
    from facewise.gallery.stores.postgres.address import Address

T = TypeVar("T")


class PostgresConnection:
    """What needs no transaction of its own; see `database.PostgresDatabase`.

    If the server was restarted, the next call connects again, unless a transaction is open: that
    is undone, and the call raises.

    Args:
        address: of a gallery.
        wait: seconds to wait for others.

    Attributes:
        name: URL of the gallery.
        home: the schema of pgvector, if that has the vectors; see `schema`.

    Raises:
        GalleryError: from here and every method: names the gallery.
    """

    def __init__(self, address: Address, wait: float) -> None:
        self.name = address.url
        self._address = address
        self._wait = wait
        self._process = os.getpid()
        self._turn = threading.RLock()  # also between finding a lost connection and the new one
        self._transaction: Literal["reading", "writing"] | None = None
        self._failed = self._closed = False
        self.home: str | None = None
        self._vector: int | None = None
        self._connection = session(address, wait)

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """All rows of a query."""

        def rows() -> list[Row]:
            cursor = self._connection.cursor(binary=True)
            return cursor.execute(translated(sql), values).fetchall()

        return self._tried(rows)

    def row(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        """The first row of a query."""
        found = self.rows(sql, values)
        return found[0] if found else None

    def value(self, sql: str, values: Sequence[object] = ()) -> Any:
        """The only value of a query that has one row."""
        ((found,),) = self.rows(sql, values)
        return found

    def run(self, sql: str, values: Sequence[object] = ()) -> int:
        """Do something; how many rows it changed."""
        return self._tried(lambda: self._connection.execute(translated(sql), values).rowcount)

    def run_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Do something once for each row of values."""
        self._tried(lambda: self._connection.cursor().executemany(translated(sql), rows))

    def answers(self, sql: str, values: Sequence[Mapping[str, object]]) -> list[Sequence[Row]]:
        """All rows of a query (with `%(name)s` for values) for each of some values, at once."""

        def rows() -> list[Sequence[Row]]:
            cursor = self._connection.cursor(binary=True)
            cursor.executemany(sql, values, returning=True)
            found: list[Sequence[Row]] = [cursor.fetchall()]
            while cursor.nextset():
                found.append(cursor.fetchall())
            return found

        return self._tried(rows)

    def set_local(self, values: Mapping[str, str]) -> None:
        """Settings of the server until the transaction ends that is open."""
        self._set(values, "true")

    @contextmanager
    def settings(self, values: Mapping[str, str]) -> Iterator[None]:
        """Settings of the server for this connection, until the context ends."""
        names = ", ".join(["current_setting(?)"] * len(values))
        before = self.rows(f"SELECT {names}", tuple(values))[0]
        self._set(values, "false")
        try:
            yield
        finally:
            with suppress(GalleryError):
                self._set(dict(zip(values, before, strict=True)), "false")

    def _set(self, values: Mapping[str, str], is_local: str) -> None:
        calls = ", ".join([f"set_config(?, ?, {is_local})"] * len(values))
        self.rows(f"SELECT {calls}", [text for each in values.items() for text in each])

    @contextmanager
    def alone(self, purpose: str, *, or_not_at_all: bool = False) -> Iterator[bool]:
        """While no other connection does this (`change`: makes a change).

        Args:
            purpose: what it is.
            or_not_at_all: do not wait; then the context is False, if another one does it.
        """
        lock = self._address.lock(purpose)
        if or_not_at_all:
            if not self.value("SELECT pg_try_advisory_lock(?)", (lock,)):
                yield False
                return
        else:
            self.rows("SELECT pg_advisory_lock(?)", (lock,))
        try:
            yield True
        finally:
            with suppress(GalleryError):
                self.rows("SELECT pg_advisory_unlock(?)", (lock,))

    def searched_by(self, home: str, vector: int) -> None:
        """Let pgvector search: the schema that it is in, and the number of its type there."""
        self.home, self._vector = home, vector
        teach(self._connection, vector)

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def close(self) -> None:
        """Give everything back; an open transaction is undone."""
        self._closed = True
        self._transaction = None
        if os.getpid() == self._process:  # in a child it is the parent's
            self._connection.close()

    def _tried(self, work: Callable[[], T]) -> T:
        """Do something; once more if the connection is found lost and nothing was begun."""
        with self._turn:
            try:
                with self._errors():
                    return work()
            except LostError:
                if self._transaction is not None:
                    raise
            self._connection = session(self._address, self._wait)
            if self._vector is not None:
                teach(self._connection, self._vector)
            with self._errors():
                return work()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        import psycopg

        if os.getpid() != self._process:
            raise GalleryError(f"{self.name}: was opened by another process; open it here")
        if self._closed:
            raise GalleryError(f"{self.name}: was closed")
        if self._transaction == "writing" and self._failed:
            raise GalleryError(f"{self.name}: something failed in this change, which is undone")
        try:
            yield
        except psycopg.Error as error:
            self._failed = True
            lost = bool(self._connection.closed)
            if self._transaction == "reading" and not lost:
                with suppress(psycopg.Error):
                    self._connection.execute("ROLLBACK TO looking")
            raise named(self.name, error, lost=lost) from error


def translated(sql: str) -> Any:
    """SQL with psycopg's places for values; see `relational.database.Database`."""
    return sql.replace("?", "%s")
