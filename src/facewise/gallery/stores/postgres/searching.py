"""Search by pgvector: with its HNSW index if there is one, otherwise exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import GalleryError
from facewise.gallery.own_search import OwnSearchFacts, WidthRecall, width_for
from facewise.gallery.stores.comparing import found_by_all, nothing
from facewise.gallery.stores.postgres import index
from facewise.gallery.stores.postgres.schema import INDEX
from facewise.gallery.stores.postgres.vector_bytes import PgvectorForm, Probe

if TYPE_CHECKING:
    from facewise.gallery.records import Ids, Vectors
    from facewise.gallery.stores.postgres.database import PostgresDatabase
    from facewise.gallery.stores.postgres.store import PostgresStore
    from facewise.gallery.stores.relational.database import Row

TOGETHER = 16
"""Probes from which on it is faster to read all vectors here, once, than to let the server compare
each probe with all."""

_FACTS = (
    "SELECT sizes.rows, coalesce(indisvalid, false), coalesce(pg_relation_size(indexrelid), 0), "
    "coalesce(recalls.faces, 0), width, at_1, at_10 FROM sizes "
    "LEFT JOIN pg_index ON indexrelid = to_regclass(?) "
    "LEFT JOIN recalls ON indisvalid WHERE name = 'faces' ORDER BY width"
)


class PostgresSearch:
    """`own_search.OwnSearch` of a gallery in pgvector; see there.

    Args:
        store: open.
        home: the schema of pgvector.
        wait: seconds to wait for others as the index is made.
    """

    def __init__(self, store: PostgresStore, home: str, wait: float) -> None:
        self._store = store
        self._wait = wait
        self._dimension = store.facts().embedding_size
        self._form = PgvectorForm(self._dimension)
        self._home = home

    def facts(self) -> OwnSearchFacts:
        """See `OwnSearch.facts`."""
        with self._store.own() as database:
            found = _facts(database)
        faces, has_index, size, measured_with, *_ = found[0]
        recalls = _recalls(found)
        one, ten = width_for(recalls, 1), width_for(recalls, 10)
        return OwnSearchFacts(
            "pgvector",
            "exact" if one is None else "hnsw",
            faces,
            has_index,
            size,
            next((r.at_1 for r in recalls if r.width == one), 1.0),
            next((r.at_10 for r in recalls if r.width == ten), 1.0),
            measured_with,
        )

    def search(self, probes: Vectors, k: int) -> tuple[Ids, Ids, Vectors]:
        """See `Store.search`."""
        with self._store.own() as database:
            database.begin()
            found = _facts(database)
            width = width_for(_recalls(found), k)
            return self._found(database, probes, min(k, found[0][0]), width)

    def search_with(self, probes: Vectors, k: int, width: int | None) -> tuple[Ids, Ids, Vectors]:
        """See `OwnSearch.search_with`."""
        with self._store.own() as database:
            database.begin()
            faces, has_index, *_ = _facts(database)[0]
            return self._found(database, probes, min(k, faces), width if has_index else None)

    def sample(self, count: int) -> Vectors:
        """See `OwnSearch.sample`."""
        with self._store.own() as database:
            last = database.value("SELECT coalesce(max(id), 0) FROM faces")
        rng = np.random.default_rng(0)
        ids = rng.integers(1, last + 1, 4 * count).tolist() if last else []
        return rng.permutation(self._store.vectors_of(ids).vectors)[:count]

    def make_index(self) -> bool:
        """See `OwnSearch.make_index`."""
        with self._store.own() as database:
            return index.make(database, self._dimension, self._wait)

    def keep_recalls(self, recalls: Sequence[WidthRecall], faces: int) -> None:
        """See `OwnSearch.keep_recalls`."""
        with self._store.own() as database, database.writing():
            database.run("DELETE FROM recalls")
            rows = [(*recall, faces) for recall in recalls]
            database.run_many("INSERT INTO recalls VALUES (?, ?, ?, ?)", rows)

    def _found(
        self, database: PostgresDatabase, probes: Vectors, k: int, width: int | None
    ) -> tuple[Ids, Ids, Vectors]:
        """Search in the state of the database that is being read.

        Args:
            database: in which that has begun.
            probes: (m, d).
            k: at most the number of faces.
            width: of the index, or None.
        """
        if not k or not len(probes):
            return nothing(len(probes))
        found: list[Sequence[Row]] = [()] * len(probes)
        count = k + max(k, 32)
        if width is not None and count <= index.MOST_CANDIDATES:
            # By the index, whatever the planner thinks of it.
            values = {"hnsw.ef_search": str(max(width, count)), "enable_seqscan": "off"}
            database.set_local(values)
            sql = index.by_index(self._home, self._dimension, count, k)
            found = self._answers(database, sql, probes)
            database.set_local({"enable_seqscan": "on"})
        # Of some there may be too few, where candidates were removed and the index not cleaned yet.
        todo = [row for row, rows in enumerate(found) if len(rows) < k]
        if len(todo) >= TOGETHER:
            every = found_by_all(self._store.walk(database), probes[todo], k)
            for row, *best in zip(todo, *every, strict=True):
                found[row] = list(zip(*(part.tolist() for part in best), strict=True))
        elif todo:
            sql = index.exactly(self._home, k)
            for row, rows in zip(todo, self._answers(database, sql, probes[todo]), strict=True):
                found[row] = rows
        if min(map(len, found)) < k:
            raise GalleryError(f"{database.name}: damaged (its sizes); put back a copy of it")
        parts = [np.array([[row[part] for row in rows] for rows in found]) for part in range(3)]
        return parts[0], parts[1], parts[2].astype(np.float32)

    def _answers(
        self, database: PostgresDatabase, sql: str, probes: Vectors
    ) -> list[Sequence[Row]]:
        values = [{"probe": Probe(value)} for value in self._form.values(probes)]
        return database.answers(sql, values)


def _facts(database: PostgresDatabase) -> list[Row]:
    found = database.rows(_FACTS, (INDEX,))
    if not found:
        raise GalleryError(f"{database.name}: damaged (its sizes); put back a copy of it")
    return found


def _recalls(found: Sequence[Row]) -> list[WidthRecall]:
    """Of the rows of `_FACTS`, by width."""
    return [WidthRecall(*row[4:]) for row in found if row[4] is not None]
