"""A connection to a gallery's file, whose errors name the file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from facewise.errors import GalleryError
from facewise.gallery.stores.relational.database import BusyError, Row

_POLL = 0.001
"""Seconds between two tries to be the one who writes. SQLite's own waiting slows down to 0.1 s, and
beside a process that writes without pause it may wait for minutes."""

_BESIDE = 1 << 16
"""Bytes."""

_SETTINGS = (
    "foreign_keys=ON",
    "secure_delete=ON",  # what is deleted is overwritten with zeros
    "synchronous=FULL",  # a commit has reached the disk when it returns
    "fullfsync=ON",  # and on macOS not only the disk's buffer
    "trusted_schema=OFF",  # a file of others must not run functions by its views and triggers
    "cell_size_check=ON",  # looks more closely for damage
)


class SqliteDatabase:
    """An open connection, `relational.database.Database` and some more.

    Args:
        path: of an existing file.
        wait: seconds to wait for others.

    Raises:
        GalleryError: from here and every method: names the file.
    """

    def __init__(self, path: Path, wait: float) -> None:
        self.path = path
        self.name = str(path)
        self._wait = wait
        self._writing = self._failed = False
        self._process = os.getpid()
        # Threads take turns: a query that begins while another is read sees the older one's state.
        self._turn = threading.RLock()
        with self._errors():
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=wait,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            for setting in _SETTINGS:
                self.run(f"PRAGMA {setting}")
        except BaseException:
            self.close()
            raise

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """All rows of a query."""
        with self._turn, self._errors():
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        """The first row of a query."""
        found = self.rows(sql, values)
        return found[0] if found else None

    def value(self, sql: str, values: Sequence[object] = ()) -> Any:
        """The only value of a query that has one row."""
        ((found,),) = self.rows(sql, values)
        return found

    def blocks(self, sql: str, values: Sequence[object], size: int) -> Iterator[list[Row]]:
        """The rows of a query, up to `size` at a time."""
        with self._errors():
            cursor = self._connection.execute(sql, values)
        try:
            while True:
                with self._errors():
                    found = cursor.fetchmany(size)
                if not found:
                    return
                yield found
        finally:
            with suppress(sqlite3.Error):
                cursor.close()

    def run(self, sql: str, values: Sequence[object] = ()) -> int:
        """Do something; how many rows it changed."""
        with self._turn, self._errors():
            return self._connection.execute(sql, values).rowcount

    def run_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Do something once for each row of values."""
        with self._errors():
            self._connection.executemany(sql, rows)

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Put whole rows into a table."""
        if rows:
            places = ", ".join("?" * len(rows[0]))
            self.run_many(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608

    def next_id(self, table: str) -> int:
        """The least id above all that rows of a table ever had."""
        return self.last_id(table) + 1

    def last_id(self, table: str) -> int:
        """The highest id that a row of a table ever had; 0: none had."""
        sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?"
        found: int = self.value(sql, (table,))
        return found

    def skip_ids(self, table: str, last_id: int) -> None:
        """Have `next_id` be above this one too."""
        if last_id > self.last_id(table):
            self.run("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            self.run("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, last_id))

    def grow(self, people: int, faces: int, chips: int) -> None:
        """Nothing to do: SQLite counts by its indexes."""

    def begin(self) -> None:
        """Begin to read one state of the file; it is that of the first query."""
        self.run("BEGIN")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction that writes, when it is this connection's turn: all of it, or nothing."""
        try:
            self._in_turn("BEGIN IMMEDIATE")
            self._writing, self._failed = True, False
            yield
            self.run("COMMIT")
        except BaseException:
            self._writing = False
            with suppress(GalleryError):  # what led here is what counts
                self.roll_back()
            raise
        finally:
            self._writing = False

    def roll_back(self) -> None:
        """Undo a transaction, if one is open."""
        with self._turn, self._errors():
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def rewrite(self) -> None:
        """Write the file anew, then empty the log of writes."""
        self._in_turn("VACUUM")
        self.empty_log()

    def keep_log(self) -> None:
        """Write changes to a log first, from now on and in every connection."""
        self._in_turn("PRAGMA journal_mode=WAL")

    def empty_log(self) -> None:
        """Bring all that is in the log of writes into the file, and nothing of it stays there."""
        self._in_turn("PRAGMA wal_checkpoint(TRUNCATE)", done=lambda row: not row[0])

    def close(self) -> None:
        """Give the file back; an open transaction is undone."""
        self._writing = False
        with self._errors():
            self._connection.close()

    def _in_turn(self, sql: str, done: Any = lambda _: True) -> None:
        end = time.monotonic() + self._wait
        self.run("PRAGMA busy_timeout=0")
        try:
            while True:
                with suppress(BusyError):
                    if done(self.row(sql) or (0,)):
                        return
                if time.monotonic() > end:
                    raise BusyError(
                        f"{self.path}: in use by others for more than {self._wait:g} s; try again"
                    )
                time.sleep(_POLL)
        finally:
            self.run(f"PRAGMA busy_timeout={int(self._wait * 1000)}")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        if os.getpid() != self._process:
            raise GalleryError(f"{self.path}: was opened by another process; open it here")
        if self._writing and self._failed:  # SQLite may have ended the transaction by itself
            raise GalleryError(f"{self.path}: something failed in this change, which is undone")
        try:
            yield
        except sqlite3.Error as error:
            self._failed = True
            raise named(self.path, error) from error
        except OverflowError:
            raise GalleryError(f"{self.path}: a number of more than 63 bits") from None


def named(path: Path, error: sqlite3.Error) -> GalleryError:
    """An error of SQLite's in our words."""
    text = str(error)
    if "locked" in text or "busy" in text:
        return BusyError(f"{path}: in use by others for too long ({text}); try again")
    if type(error) is sqlite3.DatabaseError:  # not one of the more special ones
        return GalleryError(f"{path}: damaged, or no gallery ({text}); put back a copy of it")
    if isinstance(error, sqlite3.OperationalError):
        # SQLite keeps what all who read and write share in files beside the gallery.
        if _is_full(path):
            return GalleryError(f"{path}: its disk is full; reading needs some space too ({text})")
        if path.exists() and not os.access(path.parent, os.W_OK):
            return GalleryError(
                f"{path}: its folder may not be written to, which reading needs too ({text})"
            )
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in text:
        return GalleryError(f"{path}: was closed")
    return GalleryError(f"{path}: {text}")


def _is_full(path: Path) -> bool:
    """Whether the disk has less space than what SQLite keeps beside the file while it is open."""
    try:
        return shutil.disk_usage(path.parent).free < _BESIDE
    except OSError:
        return False
