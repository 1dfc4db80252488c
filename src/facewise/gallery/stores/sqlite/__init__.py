"""Galleries in one SQLite file."""

from __future__ import annotations

from pathlib import Path

from facewise.errors import GalleryError
from facewise.gallery.model_facts import ModelFacts
from facewise.gallery.sealing.keys import Key
from facewise.gallery.store import Store
from facewise.gallery.stores.relational.store import WAIT
from facewise.gallery.stores.sqlite.opening import make
from facewise.gallery.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore", "open_store"]

_PREFIX = "sqlite://"


def open_store(
    url: str, create: ModelFacts | None = None, key: Key | None = None, *, wait: float = WAIT
) -> Store:
    """Open or make a gallery in a file; see `gallery.store.open_store`.

    Args:
        url: a path, `sqlite:///relative/path` or `sqlite:////path/from/the/root`.
        create: make it, for vectors of this model.
        key: to seal it with, or with which it is sealed.
        wait: seconds to wait for others who write, before that is an error.

    Raises:
        GalleryError: as `gallery.store.open_store`.
    """
    path = url
    if url[: len(_PREFIX)].lower() == _PREFIX:
        slash, path = url[len(_PREFIX) :][:1], url[len(_PREFIX) + 1 :]
        if slash != "/" or not path:
            raise GalleryError(f"gallery {url}: expected sqlite:/// and a path, three slashes")
    if "\0" in path:
        raise GalleryError(f"gallery {url!r:.60}: expected a path or a URL")
    if create is not None:
        make(Path(path), create, wait, key)
    return SqliteStore(Path(path), wait, key=key)
