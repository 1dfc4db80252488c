"""The one row of a gallery that is about the whole of it."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

from facewise.errors import GalleryError
from facewise.gallery.stores.relational.database import Database
from facewise.gallery.stores.relational.rows import checksum


@dataclass(frozen=True, slots=True)
class State:
    """What is so after the last change.

    Attributes:
        identity: see `Store.identity`.
        facts: of the model, as JSON.
        sealing: what `gallery.sealing.wrapping` keeps, where the gallery is sealed; else empty.
        version: see `Store.version`.
        log_start: the version from which on the face log tells all.
        removed_at: the version that removed or overwrote something last.
        erased_at: the version whose removals, and all before, are erased.
    """

    identity: str
    facts: str
    sealing: str
    version: int
    log_start: int
    removed_at: int
    erased_at: int


_COLUMNS = ", ".join(field.name for field in fields(State))


def read_state(database: Database) -> State:
    """The state.

    Raises:
        GalleryError: it is missing or damaged.
    """
    row = database.row(f"SELECT {_COLUMNS}, checksum FROM state")  # noqa: S608
    if row is None or checksum(*row[:-1]) != row[-1]:
        raise GalleryError(f"{database.name}: damaged (its state); put back a copy of it")
    return State(*row[:-1])


def first_state(database: Database, state: State) -> None:
    """Put the state into a new gallery, within a transaction."""
    values = astuple(state)
    database.insert("state", [(1, *values, checksum(*values))])


def write_state(database: Database, state: State) -> None:
    """Put a state in the place of the last one, within a transaction."""
    values = astuple(state)
    columns = ", ".join(f"{field.name} = ?" for field in fields(State))
    database.run(
        f"UPDATE state SET {columns}, checksum = ?",  # noqa: S608
        (*values, checksum(*values)),
    )
