"""The store whose vectors are in Milvus, and everything else in a relational ledger."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import GalleryError
from facewise.gallery.store import BLOCK, NOT_ERASED, Store
from facewise.gallery.stores.comparing import found_by_all
from facewise.gallery.stores.milvus.embedded import FILES
from facewise.gallery.stores.milvus.finding import found_by_engine
from facewise.gallery.stores.milvus.keys import LAST_FACE, faces_of
from facewise.gallery.stores.milvus.ledger import Names, problems

if TYPE_CHECKING:
    from typing_extensions import Self

    from facewise.gallery.change import Change
    from facewise.gallery.records import (
        AuditEntry,
        Counts,
        FaceChanges,
        FaceRecord,
        Ids,
        LastIds,
        ModelFacts,
        Person,
        VectorBlock,
        Vectors,
    )
    from facewise.gallery.sealing.cipher import Cipher
    from facewise.gallery.sealing.keys import Key
    from facewise.gallery.stores.milvus.address import Address
    from facewise.gallery.stores.milvus.engine import Engine
    from facewise.gallery.stores.milvus.form import ElsewhereForm

_RACES = 3  # times that faces may go between a look at the ledger and one at the engine


class MilvusStore:
    """`gallery.store.Store` with vectors in Milvus; see there.

    What counts is what the ledger says. Vectors are durable in the engine before the ledger commits
    the change that adds them, and they leave it after the ledger has committed their removal, in
    `erase`. So an interruption leaves vectors in the engine that the ledger does not name: they
    are in no answer, and the next `erase` takes them out. All that writes to the engine does so
    in the turn of a change of the ledger.

    Args:
        address: where it is.
        ledger: open, with this form.
        form: open, with this engine.
        engine: open.
    """

    cipher: Cipher | None = None

    def __init__(
        self, address: Address, ledger: Store, form: ElsewhereForm, engine: Engine
    ) -> None:
        self.url = address.url
        if address.folder is None:
            self.url += f"?records={ledger.url}"
        self._folder = address.folder
        self._ledger = ledger
        self._form = form
        self._engine = engine
        self._names = Names(ledger, form)
        self.out_of_reach = "; ".join(filter(None, (ledger.out_of_reach, engine.out_of_reach)))

    def identity(self) -> str:
        """See `Store.identity`."""
        return self._ledger.identity()

    def facts(self) -> ModelFacts:
        """See `Store.facts`."""
        return self._ledger.facts()

    def version(self) -> int:
        """See `Store.version`."""
        return self._ledger.version()

    def people(self, after: int = 0, limit: int = 1000) -> list[Person]:
        """See `Reading.people`."""
        return self._ledger.people(after, limit)

    def person(self, person_id: int) -> Person | None:
        """See `Reading.person`."""
        return self._ledger.person(person_id)

    def people_of(self, person_ids: Sequence[int]) -> list[Person]:
        """See `Reading.people_of`."""
        return self._ledger.people_of(person_ids)

    def find_people(self, name: str) -> list[Person]:
        """See `Reading.find_people`."""
        return self._ledger.find_people(name)

    def face(self, face_id: int) -> FaceRecord | None:
        """See `Reading.face`."""
        return self._ledger.face(face_id)

    def faces(self, person_id: int) -> list[FaceRecord]:
        """See `Reading.faces`."""
        return self._ledger.faces(person_id)

    def chip(self, face_id: int) -> bytes | None:
        """See `Reading.chip`."""
        return self._ledger.chip(face_id)

    def counts(self) -> Counts:
        """See `Store.counts`."""
        return self._ledger.counts()

    def last_ids(self) -> LastIds:
        """See `Store.last_ids`."""
        return self._ledger.last_ids()

    def changes(self, since_version: int) -> FaceChanges | None:
        """See `Store.changes`."""
        return self._ledger.changes(since_version)

    def audit(self, limit: int = 100, before: int | None = None) -> list[AuditEntry]:
        """See `Store.audit`."""
        return self._ledger.audit(limit, before)

    def change_key(self, key: Key) -> None:
        """See `Store.change_key`: it is not sealed."""
        self._ledger.change_key(key)

    @contextmanager
    def change(self) -> Iterator[Change]:
        """See `Store.change`."""
        with self._ledger.change() as change:
            try:
                yield change
                self._form.write()
            finally:
                self._form.drop()

    def vectors(self, after_face_id: int = 0, block: int = BLOCK) -> Iterator[VectorBlock]:
        """See `Store.vectors`."""
        return self._walk(self._ledger.vectors(after_face_id, block))

    def vectors_of(self, face_ids: Sequence[int] | Ids) -> VectorBlock:
        """See `Store.vectors_of`."""
        ids = [int(face_id) for face_id in face_ids]
        return self._despite_races(lambda: self._ledger.vectors_of(ids))

    def vectors_of_people(self, person_ids: Sequence[int] | Ids) -> VectorBlock:
        """See `Store.vectors_of_people`."""
        ids = [int(person_id) for person_id in person_ids]
        return self._despite_races(lambda: self._ledger.vectors_of_people(ids))

    def check(self) -> list[str]:
        """See `Store.check`; also vectors that are missing in the engine, or belong to nobody."""
        self.version()
        with self._ledger.change():  # else a change that others are in looks like a mistake
            there, named = self._engine.keys(), self._names.between(1, LAST_FACE + 1)
        missing, strays = faces_of(np.setdiff1d(named, there)), np.setdiff1d(there, named)
        found = list(problems(self._ledger, missing))
        if len(strays) and not any(NOT_ERASED in text for text in found):
            found.append(
                f"vectors of no face in Milvus: {len(strays)}, removed or of an interrupted "
                f"change, {NOT_ERASED}; forgetting again, or `Store.erase`, erases them"
            )
        return found

    def erase(self) -> None:
        """See `Store.erase`; the engine looks by itself whether it has to."""
        self._engine.erase(self._names.between, self._ledger.change)
        self._ledger.erase()  # last: as long as it is not done, `check` says so

    def search(self, probes: Vectors, k: int) -> tuple[Ids, Ids, Vectors]:
        """See `Store.search`: the engine's."""
        k = min(int(k), self.counts().faces)
        if not k:
            return found_by_all((), probes, 0)
        found = found_by_engine(self._engine, self._names, probes, k)
        return found_by_all(self.vectors(), probes, k) if found is None else found

    def files(self) -> list[Path]:
        """See `Store.files`; none where a server has the vectors."""
        if self._folder is None:
            return []
        place = Path(os.path.realpath(self._folder)) / FILES
        engine = (path for path in place.rglob("*") if path.is_file())
        return [*self._ledger.files(), *sorted(engine)]

    def close(self) -> None:
        """See `Store.close`."""
        self._ledger.close()
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _walk(self, blocks: Iterator[VectorBlock]) -> Iterator[VectorBlock]:
        """Say so where vectors were erased by others while they are read."""
        version = self.version()
        try:
            yield from blocks
        except GalleryError as error:
            if self.version() == version:
                raise
            raise GalleryError(f"{error} (or others erased them meanwhile; read again)") from None

    def _despite_races(self, look: Callable[[], VectorBlock]) -> VectorBlock:
        """What was erased between the ledger and the engine is not damaged: look again."""
        for _ in range(_RACES):
            before = self.version()
            try:
                return look()
            except GalleryError:
                if self.version() == before:
                    raise
        return look()
