"""The store in one SQLite file: nothing to install, and many processes may use it at once."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from facewise.errors import GalleryError
from facewise.gallery.records import Vectors
from facewise.gallery.sealing.keys import Key
from facewise.gallery.stores.relational.state import read_state, write_state
from facewise.gallery.stores.relational.store import WAIT, RelationalStore
from facewise.gallery.stores.sqlite.checking import structure
from facewise.gallery.stores.sqlite.connection import SqliteDatabase
from facewise.gallery.stores.sqlite.opening import connect
from facewise.gallery.vector_form import MakeForm, plain

_CHECKSUM = 16
"""Bytes that a row has in the place of a vector which is in Milvus."""

_RECORDS, _VECTORS = "records.db", "vectors"
"""In the folder of a gallery in Milvus Lite: the file of rows, and what Milvus Lite has beside."""


class SqliteStore(RelationalStore):
    """`gallery.store.Store` in one file; see there.

    Args:
        path: of an existing gallery.
        wait: seconds to wait for others who write, before that is an error.
        form: see `RelationalStore`.
        key: see `RelationalStore`.

    Raises:
        GalleryError: see `opening.connect`, otherwise as `RelationalStore`.
        ExtraMissingError: as `RelationalStore`.
    """

    looks = (structure,)

    def __init__(
        self,
        path: Path,
        wait: float = WAIT,
        form: MakeForm = plain,
        key: Key | None = None,
    ) -> None:
        self._path = path
        super().__init__(f"sqlite:///{path}", wait, form, key)
        if form is plain and self.cipher is None and self._is_of_milvus():
            self.close()
            raise GalleryError(
                f"{path}: the records of a gallery in Milvus, whose vectors are elsewhere; open it "
                "by its URL, milvus://…"
            )

    def connect(self) -> SqliteDatabase:
        """See `RelationalStore.connect`."""
        return connect(self._path, self._wait)

    def _is_of_milvus(self) -> bool:
        """Whether rows hold checksums for vectors, or Milvus Lite has its files beside this one."""
        row = self._database.row("SELECT length(vector) FROM faces LIMIT 1")
        if row is None:
            return self._path.name == _RECORDS and (self._path.parent / _VECTORS).is_dir()
        return bool(row[0] == _CHECKSUM != 4 * self._facts.embedding_size)

    def erase(self) -> None:
        """See `Store.erase`."""
        with self._my_turn():
            before = read_state(self._database)
            if before.removed_at <= before.erased_at:
                return
            self._writer.rewrite()
            self._erased(before.version)

    def erase_state(self, version: int) -> None:
        """See `RelationalStore.erase_state`: what is overwritten in place is in the log only."""
        with self._my_turn():
            self._writer.empty_log()
            self._erased(version)

    def _erased(self, version: int) -> None:
        """Note that nothing is left of what was removed up to a version; later, others erase it."""
        with self._writer.writing():
            state = read_state(self._writer)
            erased = max(state.erased_at, version)
            write_state(self._writer, replace(state, erased_at=erased))

    def search(self, probes: Vectors, k: int) -> None:  # noqa: ARG002
        """SQLite has no search of its own; see `Store.search`."""
        return

    def files(self) -> list[Path]:
        """See `Store.files`."""
        real = os.path.realpath(self._path)
        every = (Path(f"{real}{suffix}") for suffix in ("", "-wal", "-shm"))
        return [path for path in every if path.exists()]
