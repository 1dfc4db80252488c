"""Vectors that a caller gives, as a search takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import GalleryError
from facewise.gallery.records import UNIT

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from facewise.gallery.records import Vectors


def given_vectors(vectors: ArrayLike, dimension: int) -> Vectors:
    """Vectors as float32 (m, d).

    Args:
        vectors: numbers, (m, d), or (d,) for one.
        dimension: d of the gallery.

    Raises:
        GalleryError: they are no such numbers, not finite, or not of unit length, so that their
            similarities would be no cosines.
    """
    expected = f"vectors: expected numbers of shape (m, {dimension}) and length 1"
    try:
        given = np.asarray(vectors)
        if given.dtype.kind not in "fiu":
            raise TypeError(f"{given.dtype}")
        found = np.atleast_2d(given.astype(np.float32))
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor that learns
        raise GalleryError(f"{expected}, got {type(vectors).__name__} ({error!s:.80})") from None
    if not given.size:
        return np.empty((0, dimension), np.float32)
    if found.ndim != 2 or found.shape[1] != dimension:
        raise GalleryError(f"{expected}, got shape {given.shape}")
    lengths = np.linalg.norm(found, axis=1)
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= UNIT))  # also finds NaN
    if len(wrong):
        raise GalleryError(f"{expected}; number {wrong[0]} has the length {lengths[wrong[0]]:.4g}")
    return found
