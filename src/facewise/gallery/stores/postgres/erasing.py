"""Make what was removed really gone from the server's files."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from facewise.gallery.stores.postgres.schema import INDEX
from facewise.gallery.stores.relational.database import BusyError
from facewise.gallery.stores.relational.state import read_state, write_state

if TYPE_CHECKING:
    from facewise.gallery.stores.postgres.database import PostgresDatabase

T = TypeVar("T")

_PERSONAL = ("state", "people", "faces", "chips")
"""Tables whose rows are personal, or what a key opens; in the order in which readers lock them."""

_PATIENCE = 0.5
"""Seconds to wait for the tables at a time: who comes meanwhile to read, waits as long."""

_POLL = 0.05  # seconds

# Not VACUUM FULL, which keeps what a transaction that is still open may want to see, whosever that
# is. A change of type writes a table anew with the rows that there are now, and its indexes.
_REWRITE = "ALTER TABLE {} ALTER checksum TYPE bigint USING checksum + 0"

_NUMBER = "SELECT pg_current_xact_id()::xid::text"

_CLEAN = "VACUUM (FREEZE, INDEX_CLEANUP ON, TRUNCATE OFF) search"

# Who removed a row is noted in it. What VACUUM had to leave, since somebody may still see it,
# keeps the table's oldest transaction down to that one.
_IS_CLEAN = "SELECT age(relfrozenxid) <= age(?::xid) FROM pg_class WHERE oid = 'search'::regclass"
"""After VACUUM: whether it has left nothing that was removed before a transaction."""


def erase(database: PostgresDatabase, wait: float) -> None:
    """Write the personal tables anew, and clean the index; others who change wait meanwhile.

    Args:
        database: a connection without a transaction.
        wait: seconds to wait for who reads.

    Raises:
        GalleryError: others have been reading for too long, or the user may not do this: what was
            removed may still be there.
    """
    end = time.monotonic() + wait
    patience = max(int(min(wait, _PATIENCE) * 1000), 1)
    with database.alone("change"), database.settings({"statement_timeout": "0"}):
        number = _in_time(database.name, end, lambda: _rewritten(database, patience))
        if database.value("SELECT to_regclass(?) IS NOT NULL", (INDEX,)):
            _in_time(database.name, end, lambda: _cleaned(database, number))
        with database.writing():
            state = read_state(database)
            write_state(database, replace(state, erased_at=state.version))


def _rewritten(database: PostgresDatabase, patience: int) -> str | None:
    """Write the tables anew, if nobody reads them for long; the number of the transaction."""
    try:
        with database.writing():
            database.run(f"SET LOCAL lock_timeout = {patience}")
            database.run(f"LOCK TABLE {', '.join(_PERSONAL)} IN ACCESS EXCLUSIVE MODE")
            for table in _PERSONAL:
                database.run(_REWRITE.format(table))
            number: str = database.value(_NUMBER)
    except BusyError:
        return None
    return number


def _cleaned(database: PostgresDatabase, number: str) -> bool | None:
    """Overwrite in the index what was removed before, if nobody may still want to see it."""
    database.run(_CLEAN)
    return True if database.value(_IS_CLEAN, (number,)) else None


def _in_time(name: str, end: float, work: Callable[[], T | None]) -> T:
    """Try until it is done, or a time is over."""
    while True:
        done = work()
        if done is not None:
            return done
        if time.monotonic() > end:
            raise BusyError(f"{name}: in use by others for too long; try again")
        time.sleep(_POLL)
