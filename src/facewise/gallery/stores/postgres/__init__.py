"""Galleries in a PostgreSQL database, for many machines: vectors and their search by pgvector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facewise.gallery.stores.relational.store import WAIT

if TYPE_CHECKING:
    from facewise.gallery.records import ModelFacts
    from facewise.gallery.sealing.keys import Key
    from facewise.gallery.stores.postgres.store import PostgresStore
    from facewise.gallery.vector_form import MakeForm

__all__ = ["open_store"]


def open_store(
    url: str,
    create: ModelFacts | None = None,
    key: Key | None = None,
    *,
    wait: float = WAIT,
    form: MakeForm | None = None,
) -> PostgresStore:
    """Open or make a gallery in a database; see `gallery.store.open_store`.

    Args:
        url: see `address.parsed`.
        create: make it, for vectors of this model.
        key: to seal it with, or with which it is sealed; the server cannot search it then.
        wait: seconds to wait for others, before that is an error.
        form: of the vectors, where pgvector is not to hold them; what made the gallery, opens it.

    Raises:
        GalleryError: as `gallery.store.open_store`, or the server cannot be reached.
        ExtraMissingError: psycopg is not installed, or what the key needs.
    """
    from facewise.gallery.stores.postgres.driver import check_driver

    check_driver()
    from facewise.gallery.stores.postgres.address import parsed
    from facewise.gallery.stores.postgres.opening import make
    from facewise.gallery.stores.postgres.store import PostgresStore

    address = parsed(url)
    if create is not None:
        make(address, create, wait, key, with_pgvector=form is None and key is None)
    return PostgresStore(address, wait, form, key)
