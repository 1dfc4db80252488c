"""Which faces people have already, to pass over those that come a second time."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from facewise.gallery.records import NewFace, Vectors

if TYPE_CHECKING:
    from facewise.gallery.change import Change
    from facewise.gallery.store import Store

_MOST = 500_000  # digests that are kept, some 50 MB
_BLOCK = 4096


class KnownFaces:
    """The faces of the people that a run has to do with, as digests of source and vector.

    Args:
        store: where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._of: OrderedDict[int, set[bytes]] = OrderedDict()
        self._count = 0
        self._version: int | None = None
        self._added: set[int] = set()

    def begin(self) -> None:
        """A change has begun: forget what was known, if others have changed faces since the last.

        To be called in every change, before anything else.
        """
        if self._version is not None:
            told = self._store.changes(self._version)
            mine = told is not None and {*told.added.tolist()} == self._added
            if told is None or not mine or len(told.removed) or len(told.moved):
                self.clear()
        self._version = self._store.version()
        self._added = set()

    def new(self, change: Change, person: int, faces: Sequence[NewFace]) -> list[NewFace]:
        """Those of some faces that the person does not have, each once."""
        known = self._known(change, person)
        fresh = []
        for face in faces:
            mark = digest(face.source, face.vector)
            if mark not in known:
                known.add(mark)
                self._count += 1
                fresh.append(face)
        return fresh

    def added(self, face_ids: Sequence[int]) -> None:
        """These were added by this run."""
        self._added |= set(face_ids)

    def clear(self) -> None:
        """Know nothing any more: a change did not happen, or others have changed faces."""
        self._of.clear()
        self._count = 0

    def _known(self, change: Change, person: int) -> set[bytes]:
        found = self._of.get(person)
        if found is None:
            sources = {face.id: face.source for face in change.faces(person)}
            ids, found = sorted(sources), set()
            for start in range(0, len(ids), _BLOCK):
                block = self._store.vectors_of(ids[start : start + _BLOCK])
                for id_, vector in zip(block.face_ids.tolist(), block.vectors, strict=True):
                    found.add(digest(sources[id_], vector))
            self._of[person] = found
            self._count += len(found)
        self._of.move_to_end(person)
        while self._count > _MOST and len(self._of) > 1:
            _, gone = self._of.popitem(last=False)
            self._count -= len(gone)
        return found


def digest(source: str, vector: Vectors) -> bytes:
    """What is equal for two faces exactly when source and vector are."""
    content = vector.astype("<f4").tobytes()
    return hashlib.blake2b(source.encode() + b"\0" + content, digest_size=16).digest()
