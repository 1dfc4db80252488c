"""Exact search without an index: every vector of a store is read once, and compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from facewise.gallery.records import Ids, VectorBlock, Vectors

Found = tuple["Ids", "Ids", "Vectors"]


def found_by_all(blocks: Iterable[VectorBlock], probes: Vectors, k: int) -> Found:
    """What `Store.search` gives, by comparing with every vector of some blocks."""
    faces, people, best = nothing(len(probes))
    for block in blocks:
        near = probes @ block.vectors.T
        if 0 < k < near.shape[1]:
            rows = np.argpartition(near, -k, axis=1)[:, -k:]
        else:
            rows = np.broadcast_to(np.arange(near.shape[1]), near.shape)
        faces = np.hstack([faces, block.face_ids[rows]])
        people = np.hstack([people, block.person_ids[rows]])
        best = np.hstack([best, np.take_along_axis(near, rows, axis=1)])
        order = np.argsort(-best, axis=1, kind="stable")[:, :k]
        faces, people = (np.take_along_axis(part, order, axis=1) for part in (faces, people))
        best = np.take_along_axis(best, order, axis=1)
    return faces, people, best


def nothing(probes: int) -> Found:
    """What is found in a store without faces."""
    none = np.empty((probes, 0), np.int64)
    return none, none, np.empty((probes, 0), np.float32)
