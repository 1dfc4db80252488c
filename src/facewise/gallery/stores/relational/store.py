"""What stores in SQL databases do in the same way."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from facewise.errors import GalleryError
from facewise.gallery.chip_form import PlainChips
from facewise.gallery.records import (
    AuditEntry,
    Counts,
    FaceChanges,
    Ids,
    LastIds,
    ModelFacts,
    VectorBlock,
)
from facewise.gallery.sealing.forms import SealedChips, SealedForm
from facewise.gallery.sealing.wrapping import opened, wrapped
from facewise.gallery.store import BLOCK
from facewise.gallery.stores.relational import rows
from facewise.gallery.stores.relational.change import RelationalChange
from facewise.gallery.stores.relational.checking import Look, problems
from facewise.gallery.stores.relational.database import Database, Row
from facewise.gallery.stores.relational.log_table import changes
from facewise.gallery.stores.relational.reading import RelationalReading, in_parts
from facewise.gallery.stores.relational.state import read_state
from facewise.gallery.vector_form import MakeForm, plain

if TYPE_CHECKING:
    from typing_extensions import Self

    from facewise.gallery.sealing.keys import Key

WAIT = 60.0
"""Seconds to wait for others, if nothing else is asked for."""


class RelationalStore(RelationalReading, ABC):
    """`gallery.store.Store` but for what only one kind of database has; see there.

    Readers never wait for those who write. Two connections are kept, one for each; what reads for
    long takes one of its own.

    Args:
        url: without a password.
        wait: seconds to wait for others, before that is an error.
        form: of the vectors in its rows, where it is not sealed; what made the gallery, opens it.
        key: with which it is sealed, or None.

    Attributes:
        cipher: see `Store`.

    Raises:
        GalleryError: see `connect` and `sealing.wrapping.opened`, and what `form` raises.
        ExtraMissingError: it is sealed, and the package `cryptography` is not installed.
    """

    looks: Sequence[Look] = ()
    """For what only this kind of database has; see `checking.problems`."""

    out_of_reach: str = ""
    """See `Store`."""

    def __init__(
        self, url: str, wait: float, form: MakeForm = plain, key: Key | None = None
    ) -> None:
        self.url = url
        self._wait = wait
        self._turn = threading.Lock()
        self._in_change: int | None = None  # the thread that is in one
        database: Any = self.connect()
        super().__init__(database, PlainChips())
        try:
            self._writer: Any = self.connect()
        except BaseException:
            database.close()
            raise
        try:
            state = read_state(database)
            self._identity, self._facts = state.identity, self._named(state.facts)
            self.cipher = opened(state.sealing, self._identity, key, database.name)
            if self.cipher is None:
                self._form = form(self._identity, self._facts)
            else:
                self._form = SealedForm(self._facts.embedding_size, self.cipher)
                self._chips = SealedChips(self.cipher)
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def connect(self) -> Database:
        """A new connection to the gallery.

        Raises:
            GalleryError: it is not there, no gallery, damaged or of a newer facewise.
        """

    @contextmanager
    def own(self) -> Iterator[Database]:
        """A connection for what takes long, which nobody else uses."""
        with closing(self.connect()) as database:
            yield database

    def identity(self) -> str:
        """See `Store.identity`."""
        return self._identity

    def facts(self) -> ModelFacts:
        """See `Store.facts`."""
        return self._facts

    def version(self) -> int:
        """See `Store.version`."""
        return read_state(self._database).version

    @contextmanager
    def change(self) -> Iterator[RelationalChange]:
        """See `Store.change`."""
        with self._my_turn():
            change = RelationalChange(
                self._writer, self._facts.embedding_size, self._form, self._chips
            )
            try:
                with self._writer.writing():
                    yield change
                    change.finish()
            finally:
                change.end()

    def counts(self) -> Counts:
        """See `Store.counts`."""
        sql = "SELECT {}".format(
            ", ".join(f"(SELECT count(*) FROM {name})" for name in Counts._fields)  # noqa: S608
        )
        return Counts(*self._database.rows(sql)[0])

    def last_ids(self) -> LastIds:
        """See `Store.last_ids`."""
        return LastIds(*(self._database.last_id(table) for table in LastIds._fields))

    def vectors(self, after_face_id: int = 0, block: int = BLOCK) -> Iterator[VectorBlock]:
        """See `Store.vectors`."""
        if block < 1:
            raise ValueError(f"block: expected at least 1, got {block}")
        return self._vectors(int(after_face_id), block)

    def vectors_of(self, face_ids: Sequence[int] | Ids) -> VectorBlock:
        """See `Store.vectors_of`."""
        found: list[Row] = []
        for some, places in in_parts(sorted({int(face_id) for face_id in face_ids})):
            sql = f"SELECT {rows.VECTOR} FROM faces WHERE id IN ({places}) ORDER BY id"  # noqa: S608
            found += self._database.rows(sql, some)
        return self._block(found)

    def vectors_of_people(self, person_ids: Sequence[int] | Ids) -> VectorBlock:
        """See `Store.vectors_of_people`."""
        found: list[Row] = []
        for some, places in in_parts(sorted({int(person_id) for person_id in person_ids})):
            sql = f"SELECT {rows.VECTOR} FROM faces WHERE person_id IN ({places})"  # noqa: S608
            found += self._database.rows(sql, some)
        return self._block(sorted(found))

    def changes(self, since_version: int) -> FaceChanges | None:
        """See `Store.changes`."""
        self.version()  # a closed store knows nothing
        with self.own() as database:
            return changes(database, int(since_version))

    def audit(self, limit: int = 100, before: int | None = None) -> list[AuditEntry]:
        """See `Store.audit`."""
        sql = f"SELECT {rows.AUDIT} FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?"  # noqa: S608
        last = 2**63 - 1 if before is None else int(before)
        return self._records(rows.audit_entry, sql, (last, max(int(limit), 0)))

    def check(self) -> list[str]:
        """See `Store.check`."""
        self.version()  # a closed store is an error, not a problem
        with self.own() as database:
            return problems(database, self._form, self._chips, *self.looks)

    def change_key(self, key: Key) -> None:
        """See `Store.change_key`."""
        if self.cipher is None:
            raise GalleryError(f"{self._database.name}: is not sealed, and has no key to change")
        sealing = wrapped(self.cipher, key)
        with self.change() as change:
            change.reseal(sealing)
            change.note("change-key")
        if change.only_state_to_erase and change.version is not None:
            self.erase_state(change.version)
        else:
            self.erase()

    @abstractmethod
    def erase(self) -> None:
        """See `Store.erase`."""

    def erase_state(self, version: int) -> None:  # noqa: ARG002
        """`erase` where a version only overwrote the state's row, and all before is erased."""
        self.erase()

    def close(self) -> None:
        """See `Store.close`."""
        self._database.close()
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _named(self, facts: str) -> ModelFacts:
        try:
            return ModelFacts.from_json(facts)
        except GalleryError as error:
            raise GalleryError(f"{self._database.name}: damaged: {error}") from None

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        name, me = self._database.name, threading.get_ident()
        if self._in_change == me:
            raise GalleryError(f"{name}: a change within a change; end the first one")
        if not self._turn.acquire(timeout=self._wait):
            raise GalleryError(
                f"{name}: in use by another thread for more than {self._wait:g} s; try again"
            )
        self._in_change = me
        try:
            yield
        finally:
            self._in_change = None
            self._turn.release()

    def _vectors(self, after: int, size: int) -> Iterator[VectorBlock]:
        self.version()  # a closed store gives nothing
        with self.own() as database:
            yield from self.walk(database, after, size)

    def walk(self, database: Database, after: int = 0, size: int = BLOCK) -> Iterator[VectorBlock]:
        """The vectors of faces above an id, by a connection that nobody else uses meanwhile."""
        sql = f"SELECT {rows.VECTOR} FROM faces WHERE id > ? ORDER BY id"  # noqa: S608
        for found in database.blocks(sql, (after,), size):
            yield self._block(found)

    def _block(self, found: Sequence[Row]) -> VectorBlock:
        block, bad = rows.vectors(found, self._form)
        if bad:
            listed = ", ".join(map(str, bad[:5])) + (", …" if len(bad) > 5 else "")
            raise GalleryError(
                f"{self._database.name}: damaged: the vectors of faces {listed}; put back a copy "
                "of it, or forget these faces"
            )
        return block
