"""The store in one SQLite file: nothing to install, and many processes may use it at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from facewise.errors import GalleryError
from facewise.gallery.records import (
    AuditEntry,
    Counts,
    FaceChanges,
    Ids,
    ModelFacts,
    VectorBlock,
    Vectors,
)
from facewise.gallery.store import BLOCK
from facewise.gallery.stores.sqlite import rows
from facewise.gallery.stores.sqlite.change import SqliteChange
from facewise.gallery.stores.sqlite.checking import problems
from facewise.gallery.stores.sqlite.connection import Row
from facewise.gallery.stores.sqlite.log_table import changes
from facewise.gallery.stores.sqlite.opening import connect
from facewise.gallery.stores.sqlite.reading import SqliteReading
from facewise.gallery.stores.sqlite.state import read_state, write_state

if TYPE_CHECKING:
    from typing_extensions import Self

WAIT = 60.0
"""Seconds to wait for others, if nothing else is asked for."""


class SqliteStore(SqliteReading):
    """`gallery.store.Store` in one file; see there.

    Readers never wait for those who write. Two connections are kept, one for each; what reads for
    long takes one of its own.

    Args:
        path: of an existing gallery.
        wait: seconds to wait for others who write, before that is an error.

    Raises:
        GalleryError: see `opening.connect`.
    """

    def __init__(self, path: Path, wait: float = WAIT) -> None:
        super().__init__(connect(path, wait))
        self.url = f"sqlite:///{path}"
        self._path = path
        self._wait = wait
        self._turn = threading.Lock()
        self._in_change: int | None = None  # the thread that is in one
        try:
            self._writer = connect(path, wait)
        except BaseException:
            self._database.close()
            raise
        try:
            state = read_state(self._database)
            self._identity, self._facts = state.identity, self._named(state.facts)
        except BaseException:
            self.close()
            raise

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
    def change(self) -> Iterator[SqliteChange]:
        """See `Store.change`."""
        with self._my_turn():
            change = SqliteChange(self._writer, self._facts.embedding_size)
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

    def vectors(self, after_face_id: int = 0, block: int = BLOCK) -> Iterator[VectorBlock]:
        """See `Store.vectors`."""
        if block < 1:
            raise ValueError(f"block: expected at least 1, got {block}")
        return self._vectors(int(after_face_id), block)

    def vectors_of(self, face_ids: Sequence[int] | Ids) -> VectorBlock:
        """See `Store.vectors_of`."""
        sql = f"SELECT {rows.VECTOR} FROM faces WHERE id = ?"  # noqa: S608
        ids = sorted({int(face_id) for face_id in face_ids})
        return self._block([row for id_ in ids for row in self._database.rows(sql, (id_,))])

    def changes(self, since_version: int) -> FaceChanges | None:
        """See `Store.changes`."""
        self.version()  # a closed store knows nothing
        with closing(connect(self._path, self._wait)) as database:
            return changes(database, int(since_version))

    def audit(self, limit: int = 100) -> list[AuditEntry]:
        """See `Store.audit`."""
        sql = f"SELECT {rows.AUDIT} FROM audit ORDER BY id DESC LIMIT ?"  # noqa: S608
        return self._records(rows.audit_entry, sql, (max(int(limit), 0),))

    def check(self) -> list[str]:
        """See `Store.check`."""
        self.version()  # a closed store is an error, not a problem
        with closing(connect(self._path, self._wait)) as database:
            return problems(database, self._facts.embedding_size)

    def erase(self) -> None:
        """See `Store.erase`."""
        with self._my_turn():
            before = read_state(self._database)
            if before.removed_at <= before.erased_at:
                return
            self._writer.rewrite()
            with self._writer.writing():  # what others have removed since then, they erase
                state = read_state(self._writer)
                erased = max(state.erased_at, before.version)
                write_state(self._writer, replace(state, erased_at=erased))

    def search(self, probes: Vectors, k: int) -> None:  # noqa: ARG002
        """SQLite has no search of its own; see `Store.search`."""
        return

    def files(self) -> list[Path]:
        """See `Store.files`."""
        real = os.path.realpath(self._path)
        every = (Path(f"{real}{suffix}") for suffix in ("", "-wal", "-shm"))
        return [path for path in every if path.exists()]

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
            raise GalleryError(f"{self._path}: damaged: {error}") from None

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        me = threading.get_ident()
        if self._in_change == me:
            raise GalleryError(f"{self._path}: a change within a change; end the first one")
        if not self._turn.acquire(timeout=self._wait):
            raise GalleryError(
                f"{self._path}: in use by another thread for more than {self._wait:g} s; try again"
            )
        self._in_change = me
        try:
            yield
        finally:
            self._in_change = None
            self._turn.release()

    def _vectors(self, after: int, size: int) -> Iterator[VectorBlock]:
        self.version()  # a closed store gives nothing
        sql = f"SELECT {rows.VECTOR} FROM faces WHERE id > ? ORDER BY id"  # noqa: S608
        with closing(connect(self._path, self._wait)) as database:
            for found in database.blocks(sql, (after,), size):
                yield self._block(found)

    def _block(self, found: Sequence[Row]) -> VectorBlock:
        block, bad = rows.vectors(found, self._facts.embedding_size)
        if bad:
            listed = ", ".join(map(str, bad[:5])) + (", …" if len(bad) > 5 else "")
            raise GalleryError(
                f"{self._path}: damaged: the vectors of faces {listed}; put back a copy of it, or "
                "forget these faces"
            )
        return block
