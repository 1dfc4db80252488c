"""A connection to a gallery's database that makes changes, and reads one state of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from facewise.errors import GalleryError
from facewise.gallery.stores.postgres.connection import PostgresConnection, translated
from facewise.gallery.stores.postgres.errors import LostError
from facewise.gallery.stores.postgres.schema import COPIED, TABLES
from facewise.gallery.stores.postgres.sizes import Sizes
from facewise.gallery.stores.relational.database import Row

if TYPE_CHECKING:
    from facewise.gallery.stores.postgres.session import Connection

_POLL = 0.05  # seconds

_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock({})"

_MAKING = 7_306_917_283_445_041_202
"""The advisory lock of all who make a gallery in a database."""

# The tables are locked before the state is chosen that is read: whoever writes them anew (`erase`)
# is done by then, or waits. Otherwise they would be empty in a state before that.
_READING = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
    f"LOCK TABLE {', '.join(TABLES)} IN ACCESS SHARE MODE; SAVEPOINT looking"
)


class PostgresDatabase(PostgresConnection):
    """`relational.database.Database`, and some more; see there and `PostgresConnection`."""

    _sizes: Sizes | None = None  # while a change is made

    def blocks(self, sql: str, values: Sequence[object], size: int) -> Iterator[list[Row]]:
        """The rows of a query, up to `size` at a time."""
        mine = self._transaction is None
        if mine:
            self.begin()
        cursor = self._connection.cursor(name="walk", binary=True)
        try:
            with self._errors():
                cursor.execute(translated(sql), values)
            while True:
                with self._errors():
                    found = cursor.fetchmany(size)
                if not found:
                    return
                yield found
        finally:
            with suppress(GalleryError), self._errors():
                cursor.close()
            if mine:
                with suppress(GalleryError):
                    self.roll_back()

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Put whole rows into a table; for a new face also what finds it in a search."""
        if not rows:
            return
        if len(rows) == 1 and "bytea" not in COPIED[table]:
            places = ", ".join("?" * len(rows[0]))  # asks the server once, and COPY twice
            self.run(f"INSERT INTO {table} VALUES ({places})", rows[0])  # noqa: S608
        else:
            with self._turn, self._errors():
                self._copy(table, rows)
        if table == "faces" and self.home is not None:
            sql = "INSERT INTO search SELECT id FROM faces WHERE id BETWEEN ? AND ?"
            self.run(sql, (rows[0][0], rows[-1][0]))
        if self._sizes is not None:
            self._sizes.given(table, rows[-1][0])

    def next_id(self, table: str) -> int:
        """The least id above all that rows of a table ever had."""
        return self._changing().last_id(table) + 1

    def last_id(self, table: str) -> int:
        """The highest id that a row of a table ever had; 0: none had."""
        sizes = self._sizes or Sizes(self.name, self.rows(Sizes.QUERY))
        return sizes.last_id(table)

    def skip_ids(self, table: str, last_id: int) -> None:
        """Have `next_id` be above this one too."""
        self._changing().given(table, last_id)

    def grow(self, people: int, faces: int, chips: int) -> None:
        """Take note of how many more there are now."""
        self._changing().grow(people=people, faces=faces, chips=chips)

    def begin(self) -> None:
        """Begin to read one state of the database; it is that of the first query."""
        self._tried(lambda: self._connection.execute(_READING))
        self._transaction = "reading"

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction that writes, when it is this connection's turn: all of it, or nothing."""
        try:
            self._tried(self._begin_to_write)
            self._transaction, self._failed = "writing", False
            yield
            number = None
            for row in self._changing().changed():
                number = self.value(f"{Sizes.WRITE} RETURNING pg_current_xact_id()::text", row)
            self._commit(number)
        except BaseException:
            with suppress(GalleryError):  # what led here is what counts
                self.roll_back()
            raise
        finally:
            self._transaction = self._sizes = None

    @contextmanager
    def making(self) -> Iterator[Connection]:
        """A transaction that makes a gallery, one after another in a database."""
        with self._turn, self._errors(), self._connection.transaction():
            self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
            yield self._connection

    def roll_back(self) -> None:
        """Undo a transaction, if one is open."""
        with self._turn, self._errors():
            self._transaction = None
            if not self._connection.closed:
                self._connection.rollback()

    def _changing(self) -> Sizes:
        assert self._sizes is not None  # noqa: S101 - only a change asks
        return self._sizes

    def _begin_to_write(self) -> None:
        try:
            self._connection.execute(_WRITING.format(self._address.lock("change")))
            self._sizes = Sizes(self.name, self._connection.execute(Sizes.QUERY).fetchall())
        except BaseException:
            if not self._connection.closed:
                self._connection.rollback()
            raise

    def _commit(self, number: str | None) -> None:
        """End a transaction; its number tells how it ended, if the answer gets lost."""
        try:
            with self._turn, self._errors():
                self._connection.execute("COMMIT")
            return
        except LostError as error:
            if number is None:  # nothing was written
                raise
            lost = str(error)
        self._transaction = None
        end = time.monotonic() + self._wait
        while True:
            try:
                found = self.value("SELECT pg_xact_status(?::xid8)", (number,))
            except GalleryError:  # it restarts
                found = "unknown"
            if found == "committed":
                return
            if found == "aborted":
                raise GalleryError(lost)
            if time.monotonic() > end:
                raise GalleryError(
                    f"{self.name}: the connection was lost as a change was ending; whether it was "
                    "kept is not known: look, before it is made again"
                )
            time.sleep(_POLL)

    def _copy(self, table: str, rows: Sequence[Row]) -> None:
        sql = f"COPY {table} FROM STDIN (FORMAT BINARY)"
        with self._connection.cursor() as cursor, cursor.copy(sql) as copy:
            copy.set_types(COPIED[table])
            for row in rows:
                copy.write_row(row)
