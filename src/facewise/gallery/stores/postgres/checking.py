"""Look for damage in the structure of a gallery's schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from facewise.gallery.records import Counts
from facewise.gallery.stores.postgres.schema import INDEX
from facewise.gallery.stores.postgres.sizes import SIZED, Sizes

_INDEXES = {
    *("state_pkey", "people_pkey", "people_key_key", "faces_pkey", "faces_of_person"),
    *("chips_pkey", "face_log_pkey", "face_log_version", "audit_pkey", "sizes_pkey"),
}
_REFERENCES = {"faces_person_id_fkey": "faces", "chips_face_id_fkey": "chips"}

_INDEX_STATES = (
    "SELECT relname, indisvalid AND indisready FROM pg_index JOIN pg_class ON oid = indexrelid "
    "WHERE relnamespace = current_schema()::regnamespace"
)
_VALID = (
    "SELECT conname FROM pg_constraint WHERE contype = 'f' AND convalidated "
    "AND connamespace = current_schema()::regnamespace"
)
_STRAYS = (
    "SELECT id, '{0}', '{1}' FROM (SELECT {2} AS id, {3} AS of FROM {0}) AS child "
    "WHERE NOT EXISTS (SELECT 1 FROM {1} WHERE {1}.{4} = child.of) ORDER BY id LIMIT 21"
)


def structure(database: Any) -> Iterator[str]:
    """What is wrong with the tables, by each other; see `relational.checking.problems`."""
    yield from _indexes(database)
    references = [("faces", "people", "id", "person_id"), ("chips", "faces", "face_id", "face_id")]
    strays = [_STRAYS.format(*reference, "id") for reference in references]
    if database.home is not None:
        strays.append(_STRAYS.format("search", "faces", "face_id", "face_id", "id"))
        strays.append(_STRAYS.format("faces", "search", "id", "id", "face_id"))
    for sql in strays:
        for row, table, parent in database.rows(sql):
            yield f"{table}: row {row} belongs to nothing in {parent}"
    yield from _sizes(database)


def _indexes(database: Any) -> Iterator[str]:
    states = dict(database.rows(_INDEX_STATES))
    searched = {"search_pkey", "recalls_pkey"} if database.home is not None else set()
    for name in sorted((_INDEXES | searched) - states.keys()):
        yield f"structure: the index {name} is missing"
    for name in sorted(name for name, is_valid in states.items() if not is_valid):
        if name.startswith(INDEX):
            yield f"index: {name} is not whole, and not used; rebuild the index"
        else:
            yield f"structure: the index {name} is not valid"
    if searched and INDEX not in states and database.value("SELECT count(*) FROM recalls"):
        yield "index: it is missing; rebuild it"
    known = {row[0] for row in database.rows(_VALID)}
    for name, table in _REFERENCES.items():
        if name not in known:
            yield f"structure: {table} has lost its reference {name}"


def _sizes(database: Any) -> Iterator[str]:
    found = {name: row for name, *row in database.rows(Sizes.QUERY)}
    for name in SIZED:
        if name not in found:
            yield f"sizes: nothing of {name}"
            continue
        rows, last_id = found[name]
        key = "face_id" if name == "chips" else "id"
        sql = f"SELECT count(*), coalesce(max({key}), 0) FROM {name}"  # noqa: S608
        ((count, highest),) = database.rows(sql)
        if name in Counts._fields and count != rows:
            yield f"sizes: {rows} {name}, but there are {count}"
        if name != "chips" and highest > last_id:
            yield f"sizes: the last of {name} is {last_id}, but there is {highest}"
