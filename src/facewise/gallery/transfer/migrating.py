"""Move a gallery to another store: the stores by their URLs; see `moving` for how."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING

from facewise.errors import GalleryError
from facewise.gallery.store import open_store
from facewise.gallery.transfer.moving import Migration, Move

if TYPE_CHECKING:
    from facewise.gallery.sealing.keys import Key
    from facewise.gallery.store import Store


def migrate(
    source: str | PathLike[str] | Store,
    target: str | PathLike[str] | Store,
    *,
    source_key: Key | None = None,
    target_key: Key | None = None,
    done: Callable[[int], object] = lambda _: None,
) -> Migration:
    """Move a gallery to another store; call it again after an interruption, and it goes on.

    Afterwards both are there, and equal; remove the source yourself. Do not use the target before.

    Args:
        source: the gallery, by URL or as an open store. It is only read.
        target: where to; nothing, an empty gallery of the same model, or what an earlier call has
            begun.
        source_key: of the source, if it is sealed.
        target_key: to seal the target with; None: it can be read.
        done: called with the number of faces that are in the target.

    Raises:
        GalleryError: one of them cannot be opened, something else is in the target, the source was
            changed meanwhile, or the two are not equal in the end.
        ModelMismatchError: the target is for another model.
    """
    if isinstance(source, (str, PathLike)):
        with open_store(source, key=source_key) as opened:
            return migrate(opened, target, target_key=target_key, done=done)
    if isinstance(target, (str, PathLike)):
        with _made(target, source, target_key) as opened:
            return migrate(source, opened, done=done)
    return Move(source, target).run(done)


def _made(url: str | PathLike[str], source: Store, key: Key | None) -> Store:
    """A new gallery, or the one that is there."""
    try:
        return open_store(url, source.facts(), key)
    except GalleryError as not_made:
        try:
            return open_store(url, key=key)
        except GalleryError as error:
            raise GalleryError(f"{not_made}; nor can it be opened: {error}") from None
