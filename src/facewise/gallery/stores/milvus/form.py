"""Rows that hold the checksum of a vector, which the engine holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import GalleryError
from facewise.gallery.stores.milvus.keys import DIGEST, digests, keys_of

if TYPE_CHECKING:
    from facewise.gallery.records import Ids, Vectors
    from facewise.gallery.stores.milvus.engine import Engine

_STAGED = 4096  # vectors of a change that wait in memory


class ElsewhereForm:
    """A `VectorForm` for vectors in an engine.

    What a change encodes is in the engine when `write` has returned. One change at a time.

    Args:
        dimension: d.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._engine: Engine | None = None
        self._staged: list[tuple[Ids, Vectors]] = []
        self._mine = threading.local()

    def bind(self, engine: Engine) -> None:
        """Say where the vectors are."""
        self._engine = engine

    def encode(self, face_ids: Sequence[int], vectors: Vectors) -> list[bytes]:
        """See `VectorForm.encode`."""
        checksums = digests(vectors)
        self._staged.append((keys_of(face_ids, checksums), vectors))
        if sum(len(keys) for keys, _ in self._staged) >= _STAGED:
            self.write()
        return checksums

    def write(self) -> None:
        """Bring what was encoded to the engine, durably."""
        staged, self._staged = self._staged, []
        if any(len(keys) for keys, _ in staged):
            keys, vectors = (np.concatenate(part) for part in zip(*staged, strict=True))
            self._bound().write(keys, vectors)

    def drop(self) -> None:
        """Forget what was encoded and not written."""
        self._staged = []

    def decode(self, face_ids: Sequence[int], blobs: Sequence[bytes]) -> tuple[Vectors, list[int]]:
        """See `VectorForm.decode`."""
        names = getattr(self._mine, "names", None)
        if names is not None:
            names.append(keys_of(face_ids, blobs))
            return np.zeros((len(blobs), self._dimension), np.float32), []
        sound = [len(blob) == DIGEST for blob in blobs]
        pairs = [
            pair
            for pair, good in zip(zip(face_ids, blobs, strict=True), sound, strict=True)
            if good
        ]
        keys = keys_of([face_id for face_id, _ in pairs], [blob for _, blob in pairs])
        vectors, there = self._read(keys)
        whole = np.array(
            [
                found and checksum == blob
                for found, checksum, (_, blob) in zip(there, digests(vectors), pairs, strict=True)
            ],
            bool,
        )
        good = {face_id for (face_id, _), fine in zip(pairs, whole, strict=True) if fine}
        return vectors[whole], [face_id for face_id in face_ids if face_id not in good]

    @contextmanager
    def naming(self) -> Iterator[list[Ids]]:
        """Let `decode`, in this thread, only take down the keys of the rows; its vectors are 0."""
        self._mine.names = []
        try:
            yield self._mine.names
        finally:
            del self._mine.names

    def _read(self, keys: Ids) -> tuple[Vectors, np.ndarray]:
        engine = self._bound()
        vectors = np.zeros((len(keys), self._dimension), np.float32)
        there = np.zeros(len(keys), bool)
        for _ in range(2):  # Milvus Lite may miss what another thread is just flushing
            missing = np.flatnonzero(~there)
            if not len(missing):
                break
            found, rows = engine.read(keys[missing])
            order = np.argsort(keys[missing], kind="stable")
            at = missing[order[np.searchsorted(keys[missing], found, sorter=order)]]
            vectors[at], there[at] = rows, True
        return vectors, there

    def _bound(self) -> Engine:
        if self._engine is None:
            raise GalleryError("a gallery in Milvus whose engine is not open")
        return self._engine
