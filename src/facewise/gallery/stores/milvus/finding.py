"""The faces that are most similar to probes, among what the ledger names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facewise.gallery.stores.comparing import Found, nothing
from facewise.gallery.stores.milvus.engine import MOST, Engine
from facewise.gallery.stores.milvus.keys import faces_of

if TYPE_CHECKING:
    from facewise.gallery.records import Vectors
    from facewise.gallery.stores.milvus.ledger import Names


def found_by_engine(engine: Engine, names: Names, probes: Vectors, k: int) -> Found | None:
    """The engine's answer without the vectors that the ledger does not name.

    Those are of faces that were removed and not erased yet, or of an interrupted change; the engine
    is asked for more until enough others are met.

    Returns:
        As `Store.search`; None where more hits would be needed than Milvus gives.
    """
    ask = k
    while ask <= MOST:
        keys, similarities = engine.search(probes, ask)
        known, people = names.of(np.unique(faces_of(keys[keys >= 0])))
        at = np.minimum(np.searchsorted(known, keys), max(len(known) - 1, 0))
        valid = known[at] == keys if len(known) else np.zeros(keys.shape, bool)
        enough = valid.sum(axis=1) >= k
        ended = keys[:, -1] < 0  # there are no more
        if (enough | ended).all():
            k = min(k, int(valid.sum(axis=1).min(initial=k)))
            order = np.argsort(~valid, axis=1, kind="stable")[:, :k]  # the engine's, without gaps
            at = np.take_along_axis(at, order, axis=1)
            best = np.take_along_axis(similarities, order, axis=1)
            if not len(known):
                return nothing(len(probes))
            return faces_of(known[at]), people[at], best
        ask *= 2
    return None
