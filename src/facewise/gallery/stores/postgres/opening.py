"""Find a gallery in a database, or make it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple

from facewise.errors import GalleryError
from facewise.gallery.model_facts import ModelFacts
from facewise.gallery.sealing.wrapping import sealed_anew
from facewise.gallery.stores.face_log import next_version
from facewise.gallery.stores.postgres.database import PostgresDatabase
from facewise.gallery.stores.postgres.schema import FORMAT, write_schema
from facewise.gallery.stores.relational.state import State, first_state

if TYPE_CHECKING:
    from facewise.gallery.sealing.keys import Key
    from facewise.gallery.stores.postgres.address import Address
    from facewise.gallery.stores.postgres.session import Connection

_OLDEST = (0, 7)  # has halfvec

_GALLERY = (
    "SELECT coalesce(obj_description(room.oid, 'pg_namespace'), ''), typname, typ.oid, "
    "home.nspname FROM pg_namespace AS room "
    "LEFT JOIN pg_attribute ON attrelid = to_regclass(quote_ident(room.nspname) || '.faces') "
    "AND attname = 'vector' LEFT JOIN pg_type AS typ ON typ.oid = atttypid "
    "LEFT JOIN pg_namespace AS home ON home.oid = typnamespace WHERE room.nspname = ?"
)
"""The comment on a schema, and the type of the vectors in it."""


class Pgvector(NamedTuple):
    """The extension as it is in a database.

    Attributes:
        home: the schema of its types and operators.
        version: of it.
    """

    home: str
    version: tuple[int, ...]


def make(
    address: Address, facts: ModelFacts, wait: float, key: Key | None, *, with_pgvector: bool
) -> None:
    """Make a gallery, whole or not at all; only its owner may read it.

    Raises:
        GalleryError: something is there already, nothing can be made, the key can be none, or
            pgvector is missing.
        ExtraMissingError: a key was given, and the package `cryptography` is not installed.
    """
    identity = secrets.token_hex(16)
    sealing = "" if key is None else sealed_anew(identity, key)
    database = PostgresDatabase(address, wait)
    try:
        with database.making() as connection:
            _check_free(connection, address)
            vectors = _pgvector(connection, address) if with_pgvector else None
            _make_schema(connection, address)
            home = None if vectors is None else vectors.home
            write_schema(connection, home, facts.embedding_size)
            start = next_version(0)
            state = State(identity, facts.to_json(), sealing, start, start, start, start)
            first_state(database, state)
    finally:
        database.close()


def connect(address: Address, wait: float) -> PostgresDatabase:
    """Connect to a gallery that is there.

    Raises:
        GalleryError: it is not there, no gallery, or of a newer facewise; or the server cannot be
            reached.
    """
    database = PostgresDatabase(address, wait)
    try:
        found = database.row(_GALLERY, (address.schema,))
        if found is None:
            raise GalleryError(
                f"{address.url}: no such gallery; make one with `facewise gallery create`"
            )
        comment, kind, number, home = found
        if comment != FORMAT:
            ours, _, known = FORMAT.rpartition(" ")
            if not comment.startswith(ours):
                raise GalleryError(f"{address.url}: a schema of others, and no gallery")
            raise GalleryError(
                f"{address.url}: a gallery of format {comment.rpartition(' ')[2]:.20}; this "
                f"facewise reads format {known}"
            )
        if kind == "vector":
            database.searched_by(home, number)
    except BaseException:
        database.close()
        raise
    return database


def pgvector(connection: Connection) -> Pgvector | None:
    """The extension, or None where a database has none."""
    row = connection.execute(
        "SELECT nspname, extversion FROM pg_extension "
        "JOIN pg_namespace AS home ON home.oid = extnamespace WHERE extname = 'vector'"
    ).fetchone()
    if row is None:
        return None
    return Pgvector(row[0], tuple(int(part) for part in row[1].split(".") if part.isdigit()))


def _check_free(connection: Connection, address: Address) -> None:
    sql = "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace(%s)"
    row = connection.execute(sql, (address.schema,)).fetchone()
    if row is not None and row[0]:
        raise GalleryError(f"{address.url}: exists already; open it, or choose another name")


def _make_schema(connection: Connection, address: Address) -> None:
    """The schema, perhaps made before by an administrator, empty."""
    from psycopg import sql

    name = sql.Identifier(address.schema)
    found = connection.execute("SELECT to_regnamespace(%s)", (address.schema,)).fetchone()
    if found == (None,):
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
    comment = sql.SQL("COMMENT ON SCHEMA {} IS {}").format(name, sql.Literal(FORMAT))
    connection.execute(comment)


def _pgvector(connection: Connection, address: Address) -> Pgvector:
    """The extension, made if it is not there yet and that is possible."""
    from psycopg import Error

    found = pgvector(connection)
    if found is None:
        try:
            with connection.transaction():
                connection.execute("CREATE EXTENSION vector SCHEMA public")
        except Error as error:
            raise GalleryError(
                f"{address.url}: needs pgvector ({error.diag.message_primary}); install it, and "
                'let an administrator run "CREATE EXTENSION vector" in this database'
            ) from None
        found = pgvector(connection)
    if found is None or found.version < _OLDEST:
        raise GalleryError(f"{address.url}: an old pgvector; expected 0.7 or newer")
    return found
