"""A collection of Milvus that holds vectors by key, and nothing else."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from facewise.errors import GalleryError
from facewise.gallery.stores.milvus.connection import Connection, needed

if TYPE_CHECKING:
    from facewise.gallery.records import Ids, Vectors

MOST = 16384
"""Hits of one probe that Milvus gives."""

KEY, VECTOR = "key", "vector"

_MESSAGE = 8 << 20  # bytes of vectors in one call
_PROBES = 256  # in one call
_MARK = "facewise.gallery"  # the property that holds the gallery's identity

Turn: TypeAlias = Callable[[], AbstractContextManager[object]]
"""While it lasts, nobody else writes to the engine: the turn of a change of the ledger."""

Named: TypeAlias = "Callable[[int, int], Ids]"
"""The keys that the ledger names, of the faces from one number up to another, sorted."""


class Engine(ABC):
    """A collection; its writers take turns, by the ledger.

    Args:
        connection: to Milvus, which this closes.
        name: of the collection.
        dimension: d.
    """

    out_of_reach: str = ""
    """See `Store`."""

    def __init__(self, connection: Connection, name: str, dimension: int) -> None:
        self._connection = connection
        self._name = name
        self._dimension = dimension
        self._rows = max(64, min(4096, _MESSAGE // (4 * dimension)))

    def open(self, identity: str, *, make: bool) -> None:
        """Make the collection ready.

        Args:
            identity: of the gallery.
            make: make it, if it is not there.

        Raises:
            GalleryError: it is not there, or another gallery's, or not of this dimension.
        """
        if not self._call("has_collection"):
            if not make:
                raise GalleryError(
                    f"{self._connection.name}: Milvus has no collection {self._name}; the vectors "
                    "are gone, put back a copy of them"
                )
            try:
                self._make(identity)
            except GalleryError:
                if not self._call("has_collection"):  # else another process was faster
                    raise
        self._check(self._call("describe_collection"), identity)
        self._call("load_collection")
        self._connection.settle()

    def write(self, keys: Ids, vectors: Vectors) -> None:
        """Add vectors; they are durable when this returns. Within a turn.

        Args:
            keys: int64 (n,), none of another vector.
            vectors: float32 (n, d).
        """
        self._insert(keys, vectors)
        self._connection.settle()

    def read(self, keys: Ids) -> tuple[Ids, Vectors]:
        """The vectors of keys, in any order, as far as they are there.

        Args:
            keys: int64 (n,).
        """
        found: list[Any] = []
        for some in _parts(keys, self._rows):
            found += self._call(
                "query", filter=f"{KEY} in {some.tolist()}", output_fields=[KEY, VECTOR]
            )
        vectors = np.array([row[VECTOR] for row in found], np.float32)
        there = np.array([row[KEY] for row in found], np.int64)
        there, first = np.unique(there, return_index=True)  # a call that was made again
        return there, vectors.reshape(len(found), self._dimension)[first]

    def search(self, probes: Vectors, k: int) -> tuple[Ids, Vectors]:
        """The keys that are most similar to probes, the best first, and their similarities.

        Args:
            probes: float32 (m, d).
            k: from 1 to `MOST`.

        Returns:
            (m, k); -1 and -inf where there are no more.
        """
        probes = np.asarray(probes, np.float32)
        keys = np.full((len(probes), k), -1, np.int64)
        similarities = np.full((len(probes), k), -np.inf, np.float32)
        for start in range(0, len(probes), _PROBES):
            hits = self._call(
                "search",
                data=list(probes[start : start + _PROBES]),
                limit=k,
                output_fields=[KEY],
                search_params={"metric_type": "IP", "params": self._search_options(k)},
            )
            for row, found in enumerate(hits, start):
                keys[row, : len(found)] = [hit[KEY] for hit in found]
                similarities[row, : len(found)] = [hit["distance"] for hit in found]
        return keys, similarities

    @abstractmethod
    def keys(self) -> Ids:
        """All keys, also those that the ledger does not name; sorted."""

    @abstractmethod
    def erase(self, named: Named, turn: Turn) -> None:
        """Take out what the ledger does not name; also of files, but for `out_of_reach`."""

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    @abstractmethod
    def _insert(self, keys: Ids, vectors: Vectors) -> None:
        """Add vectors."""

    def _index(self) -> Any:
        """What `create_collection` takes as an index; None: search is exact without one."""
        return None

    def _search_options(self, k: int) -> dict[str, int]:  # noqa: ARG002
        """What the index wants to know for a search."""
        return {}

    def _call(self, method: str, **options: Any) -> Any:
        return self._connection.call(method, self._name, **options)

    def _put(self, keys: Ids, vectors: Vectors, **options: Any) -> None:
        """Insert in calls of a size that a server takes."""
        for start in range(0, len(keys), self._rows):
            part = slice(start, start + self._rows)
            pairs = zip(keys[part].tolist(), vectors[part], strict=True)
            data = [{KEY: key, VECTOR: vector} for key, vector in pairs]
            self._call("insert", data=data, **options)

    def _make(self, identity: str) -> None:
        pymilvus = needed("pymilvus")
        mark = json.dumps({_MARK: identity})
        schema = pymilvus.MilvusClient.create_schema(
            auto_id=False, enable_dynamic_field=False, description=mark
        )
        schema.add_field(KEY, pymilvus.DataType.INT64, is_primary=True)
        schema.add_field(VECTOR, pymilvus.DataType.FLOAT_VECTOR, dim=self._dimension)
        self._call(
            "create_collection",
            schema=schema,
            index_params=self._index(),
            properties={_MARK: identity},
            consistency_level="Strong",  # what was written is found
        )

    def _check(self, about: dict[str, Any], identity: str) -> None:
        where = f"{self._connection.name}: collection {self._name}"
        found = dict(about.get("properties") or {}).get(_MARK)
        if found is None:  # Milvus may keep one, or the other
            found = _marked(about.get("description"))
        if found != identity:
            whose = "of no gallery" if found is None else "another gallery's"
            raise GalleryError(f"{where} is {whose}; choose another name")
        sizes = [field["params"].get("dim") for field in about["fields"] if field["name"] == VECTOR]
        if [int(size) for size in sizes if size is not None] != [self._dimension]:
            raise GalleryError(f"{where}: expected vectors of {self._dimension} numbers")


def _marked(description: object) -> object:
    try:
        content = json.loads(str(description))
        return content.get(_MARK)
    except (ValueError, AttributeError):
        return None


def _parts(keys: Ids, rows: int) -> Iterator[Ids]:
    for start in range(0, len(keys), rows):
        yield keys[start : start + rows]
