"""Vectors in a Milvus of several services."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise.errors import GalleryError
from facewise.gallery.stores.milvus.connection import WAIT, needed
from facewise.gallery.stores.milvus.engine import KEY, MOST, VECTOR, Engine, Named, Turn
from facewise.gallery.stores.milvus.keys import faces_of

if TYPE_CHECKING:
    from facewise.gallery.records import Ids, Vectors

_DELETED = 4096  # in one call
_POLL = 0.2  # seconds
_WIDTH, _BUILD_WIDTH, _LINKS = 256, 200, 16  # of the HNSW graph: search, building, neighbours


class ClusterEngine(Engine):
    """Vectors with an HNSW graph, which Milvus keeps up by itself."""

    out_of_reach = (
        "the log of Milvus and the files of its old segments, until Milvus removes them "
        "(docs/milvus.md)"
    )

    def keys(self) -> Ids:
        """See `Engine.keys`."""
        walk = self._call(
            "query_iterator", batch_size=MOST, filter=f"{KEY} >= 0", output_fields=[KEY]
        )
        parts = [np.empty(0, np.int64)]
        try:
            while rows := walk.next():
                parts.append(np.array([row[KEY] for row in rows], np.int64))
        finally:
            walk.close()
        return np.unique(np.concatenate(parts))

    def erase(self, named: Named, turn: Turn) -> None:
        """See `Engine.erase`; Milvus removes the files of old segments when it is time to."""
        with turn():
            keys = self.keys()
            gone = np.setdiff1d(keys, named(0, int(faces_of(keys[-1:]).sum()) + 1))
            for start in range(0, len(gone), _DELETED):
                self._call("delete", ids=gone[start : start + _DELETED].tolist())
        with suppress(GalleryError):  # Milvus flushes by itself, and refuses to do so too often
            self._call("flush")
        self._compact()

    def _insert(self, keys: Ids, vectors: Vectors) -> None:
        self._put(keys, vectors)

    def _index(self) -> Any:
        index = needed("pymilvus").MilvusClient.prepare_index_params()
        index.add_index(
            VECTOR,
            index_type="HNSW",
            metric_type="IP",
            params={"M": _LINKS, "efConstruction": _BUILD_WIDTH},
        )
        return index

    def _search_options(self, k: int) -> dict[str, int]:
        return {"ef": max(_WIDTH, 2 * k)}

    def _compact(self) -> None:
        job = self._call("compact")
        end = time.monotonic() + WAIT
        while self._connection.call("get_compaction_state", job) != "Completed":
            if time.monotonic() > end:
                raise GalleryError(
                    f"{self._connection.name}: what was removed is deleted, but Milvus has been "
                    f"compacting for more than {WAIT:g} s"
                )
            time.sleep(_POLL)
