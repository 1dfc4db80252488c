"""A gallery's people as `facewise.recognize` takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import GalleryError
from facewise.gallery.templates import every_template
from facewise.recognition import People

if TYPE_CHECKING:
    from facewise.gallery.store import Store


def people_of(store: Store) -> People:
    """The mean template of everybody who has faces, all in memory; noted in the audit log.

    Raises:
        GalleryError: nobody has, or the store is damaged, or cannot be reached or written.
    """
    ids, templates = every_template(store)
    named = [
        (row, person.name) for row, id_ in enumerate(ids.tolist()) if (person := store.person(id_))
    ]
    if not named:
        raise GalleryError(f"{store.url}: nobody is enrolled")
    with store.change() as change:
        change.note("recognize", count=len(named), detail="templates taken out")
    rows = np.array([row for row, _ in named])
    return People(tuple(name for _, name in named), templates[rows], store.facts().settings)
