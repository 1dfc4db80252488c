"""The tables of a gallery, in a schema of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facewise.gallery.stores.postgres.sizes import SIZED

if TYPE_CHECKING:
    from facewise.gallery.stores.postgres.session import Connection

FORMAT = "facewise gallery, format 1"
"""The comment on the schema, by which a gallery is known."""

INDEX = "search_hnsw"
"""The name of the index for approximate search, if there is one."""

MOST_INLINE = 1900
"""Numbers of a vector that fit into a page beside the rest of a row: read twice as fast."""

COPIED = {
    "state": ["int8", *["text"] * 3, *["int8"] * 5],
    "people": ["int8", *["text"] * 6, "int8"],
    "faces": ["int8", "int8", "text", *["float8"] * 5, "text", "int8", "int8", "bytea"],
    "chips": ["int8", "bytea", "int8"],
    "face_log": ["int8", "int8", "text", "int8", "int8", "int8"],
    "audit": ["int8", "text", "text", "int8", "int8", "text", "int8"],
}
"""Types of the columns of tables that rows are put into. A vector is given as the bytes that
pgvector receives, whatever its column is."""

TABLES = ("state", "people", "faces", "chips", "face_log", "audit", "sizes")
"""Those that hold what a gallery is; `search` and `recalls` are made from them."""

_UNSAMPLED = {
    "state": ["sealing", "checksum"],
    "people": ["name", "key", "notes", "consent", "retain_until", "created", "checksum"],
    "faces": [
        *("source", "x1", "y1", "x2", "y2", "quality", "created"),
        *("checksum", "vector_checksum", "vector"),
    ],
    "chips": ["png", "checksum"],
    "audit": ["detail"],
}
"""Columns of which the planner may keep no samples: they would outlive what is removed."""

# Keys are compared by bytes: other orders change with the system's libraries.
_TABLES = """
CREATE TABLE state (
    single bigint PRIMARY KEY CHECK (single = 1),
    identity text NOT NULL,
    facts text NOT NULL,
    sealing text NOT NULL,
    version bigint NOT NULL,
    log_start bigint NOT NULL,
    removed_at bigint NOT NULL,
    erased_at bigint NOT NULL,
    checksum bigint NOT NULL
);
CREATE TABLE people (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    key text COLLATE "C" NOT NULL UNIQUE,
    notes text NOT NULL,
    consent text NOT NULL,
    retain_until text,
    created text NOT NULL,
    checksum bigint NOT NULL
);
CREATE TABLE faces (
    id bigint PRIMARY KEY,
    person_id bigint NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    source text NOT NULL,
    x1 float8, y1 float8, x2 float8, y2 float8,
    quality float8,
    created text NOT NULL,
    checksum bigint NOT NULL,
    vector_checksum bigint NOT NULL,
    vector {vector} NOT NULL
);
CREATE INDEX faces_of_person ON faces (person_id);
CREATE TABLE chips (
    face_id bigint PRIMARY KEY REFERENCES faces (id) ON DELETE CASCADE,
    png bytea NOT NULL,
    checksum bigint NOT NULL
);
CREATE TABLE face_log (
    id bigint PRIMARY KEY,
    version bigint NOT NULL,
    kind text NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    checksum bigint NOT NULL
);
CREATE INDEX face_log_version ON face_log (version);
CREATE TABLE audit (
    id bigint PRIMARY KEY,
    time text NOT NULL,
    action text NOT NULL,
    person_id bigint,
    count bigint NOT NULL,
    detail text NOT NULL,
    checksum bigint NOT NULL
);
CREATE TABLE sizes (
    name text PRIMARY KEY,
    rows bigint NOT NULL,
    last_id bigint NOT NULL
);
ALTER TABLE chips ALTER png SET STORAGE EXTERNAL
"""

# What is removed from an index of pgvector, is overwritten by VACUUM; what is removed from a table
# is only gone when that is written anew, with all its indexes. An HNSW index takes minutes. So it
# is not one of the table that has the vectors, but of one that has only ids. Nobody but `erase`
# looks after that: it needs nothing else, and no samples of its index are taken.
_SEARCH = """
CREATE TABLE search (face_id bigint PRIMARY KEY REFERENCES faces (id) ON DELETE CASCADE)
    WITH (autovacuum_enabled = false);
CREATE TABLE recalls (
    width integer PRIMARY KEY,
    at_1 float8 NOT NULL,
    at_10 float8 NOT NULL,
    faces bigint NOT NULL
);
CREATE FUNCTION vector_of(bigint) RETURNS {home}.halfvec LANGUAGE sql
    IMMUTABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC SELECT vector::{home}.halfvec FROM faces WHERE id = $1; END
"""


def write_schema(connection: Connection, home: str | None, dimension: int) -> None:
    """Make the tables, within a transaction that is open, in the schema that is searched first.

    Args:
        connection: of the maker.
        home: the schema of pgvector, which is to hold and search the vectors; None: they are bytes.
        dimension: of the vectors.
    """
    from psycopg import sql

    column: sql.Composable = sql.SQL("bytea")
    if home is not None:
        column = sql.SQL("{}.vector({})").format(sql.Identifier(home), sql.Literal(dimension))
    connection.execute(sql.SQL(_TABLES).format(vector=column))
    inline = "PLAIN" if home is not None and dimension <= MOST_INLINE else "EXTERNAL"
    connection.execute(f"ALTER TABLE faces ALTER vector SET STORAGE {inline}")
    if home is not None:
        connection.execute(sql.SQL(_SEARCH).format(home=sql.Identifier(home)))
    for table, columns in _UNSAMPLED.items():
        changes = ", ".join(f"ALTER {column} SET STATISTICS 0" for column in columns)
        connection.execute(f"ALTER TABLE {table} {changes}")
    for name in SIZED:
        connection.execute("INSERT INTO sizes VALUES (%s, 0, 0)", (name,))
