"""The relational store beside the engine: records, chips, audit log, versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import GalleryError

if TYPE_CHECKING:
    from facewise.gallery.records import Ids, ModelFacts
    from facewise.gallery.store import Store
    from facewise.gallery.stores.milvus.form import ElsewhereForm
    from facewise.gallery.vector_form import MakeForm

_AT_ONCE = 8192


def open_ledger(records: str, create: ModelFacts | None, form: MakeForm) -> Store:
    """Open or make the ledger.

    Args:
        records: a path, `sqlite:///…` or `postgresql://…`.
        create: make it, for vectors of this model.
        form: of the vectors in its rows.

    Raises:
        GalleryError: as `gallery.store.open_store`, or it is of another kind.
    """
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", records)
    kind = scheme[1].lower() if scheme else "sqlite"
    if kind == "sqlite":
        return _in_a_file(records, create, form)
    if kind in ("postgresql", "postgres"):
        from facewise.gallery.stores.postgres import open_store

        return open_store(records, create, form=form)
    raise GalleryError(f"records={kind}://…: expected the path of a file, or postgresql://…")


def _in_a_file(records: str, create: ModelFacts | None, form: MakeForm) -> Store:
    from facewise.gallery.stores.relational.store import WAIT
    from facewise.gallery.stores.sqlite import SqliteStore
    from facewise.gallery.stores.sqlite.opening import make

    path = Path(re.sub(r"^sqlite:///", "", records, flags=re.IGNORECASE))
    if create is not None:
        make(path, create, WAIT)
    return SqliteStore(path, WAIT, form)


class Names:
    """The keys of the vectors that the ledger names.

    Args:
        ledger: open, with this form.
        form: of its vectors.
    """

    def __init__(self, ledger: Store, form: ElsewhereForm) -> None:
        self._ledger = ledger
        self._form = form

    def between(self, first: int, last: int) -> Ids:
        """The keys of the faces from one number up to another, which is left out; sorted."""
        ids, keys = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        with self._form.naming() as named:
            for block in self._ledger.vectors(first - 1, min(_AT_ONCE, last - first)):
                ids.append(block.face_ids)
                keys.append(named.pop())
                if block.face_ids[-1] >= last - 1:
                    break
        return np.concatenate(keys)[np.concatenate(ids) < last]

    def of(self, face_ids: Ids) -> tuple[Ids, Ids]:
        """The keys of some faces as far as they are there, sorted; and the people of these."""
        with self._form.naming() as named:
            block = self._ledger.vectors_of(face_ids)
            return np.concatenate([block.face_ids[:0], *named]), block.person_ids


def problems(ledger: Store, missing: Ids) -> Iterator[str]:
    """What the ledger's own check finds; vectors that are missing are not called damaged."""
    absent = {f"damaged: the vector of face {face}": int(face) for face in missing}
    for text in ledger.check():
        face = absent.get(text)
        yield text if face is None else f"missing in Milvus: the vector of face {face}"
