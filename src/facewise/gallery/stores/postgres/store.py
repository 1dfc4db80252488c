"""The store in a PostgreSQL database: many machines, whose changes happen one after another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from facewise.errors import GalleryError
from facewise.gallery.records import Counts, VectorBlock
from facewise.gallery.store import BLOCK
from facewise.gallery.stores.postgres.checking import structure
from facewise.gallery.stores.postgres.erasing import erase
from facewise.gallery.stores.postgres.opening import connect
from facewise.gallery.stores.postgres.searching import PostgresSearch
from facewise.gallery.stores.postgres.sizes import Sizes
from facewise.gallery.stores.postgres.vector_bytes import in_pgvector
from facewise.gallery.stores.relational.state import read_state
from facewise.gallery.stores.relational.store import WAIT, RelationalStore
from facewise.gallery.vector_form import plain

if TYPE_CHECKING:
    from facewise.gallery.records import Ids, ModelFacts, Vectors
    from facewise.gallery.sealing.keys import Key
    from facewise.gallery.stores.postgres.address import Address
    from facewise.gallery.stores.postgres.database import PostgresDatabase
    from facewise.gallery.stores.relational.database import Database
    from facewise.gallery.vector_form import MakeForm, VectorForm

_AT_ONCE = 2048  # vectors that are fetched; with more, memory is what takes time

_SPARE = 2  # connections that are kept for what reads for long


class PostgresStore(RelationalStore):
    """`gallery.store.Store` in a schema of a database; see there.

    Args:
        address: of an existing gallery.
        wait: seconds to wait for others, before that is an error.
        form: see `RelationalStore`; None: pgvector's, if the gallery was made with it.
        key: see `RelationalStore`.

    Raises:
        GalleryError: see `opening.connect`, otherwise as `RelationalStore`.
        ExtraMissingError: as `RelationalStore`.
    """

    looks = (structure,)
    out_of_reach = (
        "the server's write-ahead log, until its files are reused, and its archives, replicas and "
        "backups (docs/postgresql.md)"
    )
    _database: PostgresDatabase

    def __init__(
        self,
        address: Address,
        wait: float = WAIT,
        form: MakeForm | None = None,
        key: Key | None = None,
    ) -> None:
        self._address = address
        self._spare: list[PostgresDatabase] = []
        self.own_search: PostgresSearch | None = None
        super().__init__(address.url, wait, form or self._own_form, key)
        home = self._database.home
        if home is not None:
            self.own_search = PostgresSearch(self, home, wait)

    def connect(self) -> PostgresDatabase:
        """See `RelationalStore.connect`."""
        return connect(self._address, self._wait)

    @contextmanager
    def own(self) -> Iterator[PostgresDatabase]:
        """See `RelationalStore.own`."""
        if self._database.is_closed:
            raise GalleryError(f"{self._database.name}: was closed")
        try:
            database = self._spare.pop()
        except IndexError:
            database = self.connect()
        try:
            yield database
            database.roll_back()
        except BaseException:
            database.close()
            raise
        self._spare.append(database)
        if len(self._spare) > _SPARE or self._database.is_closed:
            self._close_spare()

    def walk(self, database: Database, after: int = 0, size: int = BLOCK) -> Iterator[VectorBlock]:
        """See `RelationalStore.walk`."""
        return super().walk(database, after, min(size, _AT_ONCE))

    def counts(self) -> Counts:
        """See `Store.counts`."""
        sizes = Sizes(self._database.name, self._database.rows(Sizes.QUERY))
        return Counts(*(sizes.rows(name) for name in Counts._fields))

    def erase(self) -> None:
        """See `Store.erase`."""
        with self._my_turn():
            state = read_state(self._database)
            if state.removed_at > state.erased_at:
                with self.own() as database:
                    erase(database, self._wait)

    def search(self, probes: Vectors, k: int) -> tuple[Ids, Ids, Vectors] | None:
        """See `Store.search`."""
        return None if self.own_search is None else self.own_search.search(probes, k)

    def files(self) -> list[Path]:
        """See `Store.files`: the server's are its own."""
        return []

    def close(self) -> None:
        """See `Store.close`."""
        super().close()
        self._close_spare()

    def _close_spare(self) -> None:
        with suppress(IndexError):  # another thread was faster
            while True:
                self._spare.pop().close()

    def _own_form(self, identity: str, facts: ModelFacts) -> VectorForm:
        return (plain if self._database.home is None else in_pgvector)(identity, facts)
