"""Errors of psycopg and of the server in our words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facewise.errors import GalleryError
from facewise.gallery.stores.relational.database import BusyError

if TYPE_CHECKING:
    import psycopg


class LostError(GalleryError):
    """The connection to the server is gone."""


class NotAllowedError(GalleryError):
    """The user has not the right."""


def named(name: str, error: psycopg.Error, *, lost: bool) -> GalleryError:
    """An error that names the gallery, and no values of rows.

    Args:
        name: of the gallery.
        error: what was raised.
        lost: the connection is not usable any more.
    """
    from psycopg import errors

    # The first line only: details may show what is in rows.
    text = error.diag.message_primary or (str(error).strip().splitlines() or [repr(error)])[0]
    if lost:
        return LostError(f"{name}: the connection to the server was lost ({text}); try again")
    if isinstance(error, (errors.LockNotAvailable, errors.DeadlockDetected)):
        return BusyError(f"{name}: in use by others for too long ({text}); try again")
    if isinstance(error, errors.InFailedSqlTransaction):
        return GalleryError(f"{name}: something failed in this change, which is undone")
    if isinstance(error, errors.NumericValueOutOfRange):
        return GalleryError(f"{name}: a number of more than 63 bits")
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return GalleryError(f"{name}: the server only lets read ({text}); is it a standby?")
    if isinstance(error, errors.InsufficientPrivilege):
        return NotAllowedError(f"{name}: the user may not do this ({text})")
    if isinstance(error, (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction)):
        return GalleryError(f"{name}: damaged, or no gallery ({text}); put back a copy of it")
    if isinstance(error, (errors.DataCorrupted, errors.IndexCorrupted)):
        return GalleryError(f"{name}: damaged ({text}); put back a copy of it")
    return GalleryError(f"{name}: {text}")
