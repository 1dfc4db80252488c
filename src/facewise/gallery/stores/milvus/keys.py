"""What a vector is called in the engine."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import GalleryError

if TYPE_CHECKING:
    from facewise.gallery.records import Ids, Vectors

DIGEST = 16
"""Bytes of the checksum of a vector, which the ledger's row holds in its place."""

_BITS = 31  # of the checksum, in a key of 63
LAST_FACE = (1 << 32) - 1
"""The largest number of a face that fits into a key."""


def digests(vectors: Vectors) -> list[bytes]:
    """The checksums of vectors (BLAKE2b of float32, little-endian).

    Args:
        vectors: float32 (n, d).
    """
    return [blake2b(row.tobytes(), digest_size=DIGEST).digest() for row in vectors.astype("<f4")]


def keys_of(face_ids: Sequence[int], checksums: Sequence[bytes]) -> Ids:
    """The keys of vectors: the number of the face, then 31 bits of the checksum.

    A face id that a killed process took may be given to another face; its vector has another key.
    So whatever that process left in the engine, or still sends, is never taken for the new one.

    Args:
        face_ids: n.
        checksums: n, of `DIGEST` bytes.

    Returns:
        int64 (n,), above 0.

    Raises:
        GalleryError: a face id of more than 32 bits.
    """
    ids = np.array(face_ids, np.int64)
    if len(ids) and ids.max() > LAST_FACE:
        raise GalleryError(f"face {ids.max()}: a gallery in Milvus has numbers up to {LAST_FACE}")
    heads = np.frombuffer(b"".join(each[:4] for each in checksums), "<u4").astype(np.int64)
    return (ids << _BITS) | (heads >> 1)


def faces_of(keys: Ids) -> Ids:
    """The face ids in keys."""
    return keys >> _BITS
