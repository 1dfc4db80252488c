"""The HNSW index of a gallery, and the statements that search."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from facewise.errors import GalleryError
from facewise.gallery.stores.postgres.errors import NotAllowedError
from facewise.gallery.stores.postgres.schema import INDEX

if TYPE_CHECKING:
    from facewise.gallery.stores.postgres.database import PostgresDatabase

MOST_DIMENSIONS = 4000
"""Of vectors of 2-byte floats that pgvector's HNSW index takes; of 4-byte floats, 2000."""

MOST_CANDIDATES = 1000
"""Of a probe that the index gives."""

_LINKS = 24
_EFFORT = 128
"""Neighbours of a face (twice as many on the ground), and candidates for them as it is put in. With
pgvector's own 16 and 64 the index is made in a third of the time, and a search has to be twice as
wide or more to find as much."""

_PATIENCE = 600.0
"""Seconds to wait at least for who was reading or writing when the index was begun."""

_MOST_MEMORY = 4096
"""MiB to make an index in, at most; beyond what the server's own setting allows. In less than it
takes, making it is many times slower."""

_BY_INDEX = (
    "SELECT id, person_id, -(vector OPERATOR({home}.<#>) %(probe)s) AS similarity "
    "FROM (SELECT face_id FROM search "
    "ORDER BY (vector_of(face_id)::{home}.halfvec({d})) OPERATOR({home}.<#>) "
    "%(probe)s::{home}.halfvec({d}) LIMIT {count}) AS near "
    "JOIN faces ON id = face_id ORDER BY similarity DESC, id LIMIT {k}"
)
"""Candidates by 2-byte floats, and the best of them by 4-byte floats."""

_EXACTLY = (
    "SELECT id, person_id, -(vector OPERATOR({home}.<#>) %(probe)s) AS similarity "
    "FROM faces ORDER BY similarity DESC, id LIMIT {k}"
)

_MAKE = (
    f"CREATE INDEX CONCURRENTLY {INDEX} ON search USING hnsw "
    "((vector_of(face_id)::{home}.halfvec({d})) {home}.halfvec_ip_ops) "
    f"WITH (m = {_LINKS}, ef_construction = {_EFFORT})"
)

_DROP = f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}"


def by_index(home: str, dimension: int, count: int, k: int) -> str:
    """The statement for the k best of so many candidates of `%(probe)s`, by the index."""
    return _BY_INDEX.format(home=quoted(home), d=int(dimension), count=int(count), k=int(k))


def exactly(home: str, k: int) -> str:
    """The statement for the k best faces, each compared."""
    return _EXACTLY.format(home=quoted(home), k=int(k))


def quoted(schema: str) -> str:
    """The name of pgvector's schema in SQL.

    Raises:
        GalleryError: a name that an administrator would not choose.
    """
    if not re.fullmatch(r"\w+", schema):
        raise GalleryError(f"pgvector in a schema {schema!r:.40}: expected letters and digits")
    return f'"{schema}"'


def make(database: PostgresDatabase, dimension: int, wait: float) -> bool:
    """Make the index anew, while others read and write; see `OwnSearch.make_index`.

    Raises:
        GalleryError: others have been reading for too long, or there is no space: there is no
            index.
    """
    if database.home is None or dimension > MOST_DIMENSIONS:
        return False
    sql = _MAKE.format(home=quoted(database.home), d=int(dimension))
    settings = {
        "statement_timeout": "0",
        "lock_timeout": f"{int(max(wait, _PATIENCE) * 1000)}ms",
        "maintenance_work_mem": _memory(database, dimension),
    }
    with database.alone("index", or_not_at_all=True) as alone:
        if not alone:
            return False  # another process is making it
        with database.settings(settings):
            return _made_anew(database, sql)


def _made_anew(database: PostgresDatabase, sql: str) -> bool:
    try:
        database.run(_DROP)
        with database.writing():
            database.run("DELETE FROM recalls")
        _made(database, sql)
        # No samples of vectors for the planner, which nobody would erase.
        database.run(f"ALTER INDEX {INDEX} ALTER COLUMN 1 SET STATISTICS 0")
    except NotAllowedError:  # only the owner may
        return False
    except BaseException:
        with suppress(GalleryError):
            database.run(_DROP)
        raise
    return True


def _made(database: PostgresDatabase, sql: str) -> None:
    try:
        database.run(sql)
    except GalleryError as error:
        if "shared memory" not in str(error):  # of a container, for example
            raise
        database.run(_DROP)
        with database.settings({"max_parallel_maintenance_workers": "0"}):
            database.run(sql)


def _memory(database: PostgresDatabase, dimension: int) -> str:
    faces = database.value("SELECT rows FROM sizes WHERE name = 'faces'")
    needed = min(faces * (2 * dimension + 1200) // 2**20 + 64, _MOST_MEMORY)
    sql = "SELECT setting::bigint / 1024 FROM pg_settings WHERE name = 'maintenance_work_mem'"
    return f"{max(needed, database.value(sql))}MB"
