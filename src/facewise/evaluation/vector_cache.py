"""The vectors of a whole data set in one file, so that scoring it again takes no time.

The cache of results (`facewise.result_cache`) knows single images, and lets an interrupted run go
on; asking it for thousands of them takes seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise._files import replace_file
from facewise._software import versions
from facewise.evaluation.vectors import ImageVectors
from facewise.zoo import cache_dir

if TYPE_CHECKING:
    from facewise.embedding import Embedder

_LARGEST = 1 << 28
"""Bytes of vectors that are kept; more are left to the cache of results."""


class VectorCache:
    """Files by what decides their content: data, model and how faces are found.

    As other caches it may be lost, never wrong, and never in the way: what cannot be read is as if
    it were not there, and where nothing can be written, nothing is kept.

    Args:
        folder: by default `evaluations` in the user's cache folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_dir() / "evaluations"

    def get(self, key: str) -> ImageVectors | None:
        """What was kept under a key, or None."""
        try:
            with np.load(self._file(key), allow_pickle=False) as kept:
                vectors, boxes = kept["vectors"], kept["boxes"]
                failures = {int(i): str(reason) for i, reason in json.loads(str(kept["failures"]))}
        except Exception:  # of many kinds, as damage goes
            return None
        fits = vectors.ndim == 2 and boxes.shape == (len(vectors), 4)
        if not fits or {vectors.dtype, boxes.dtype} != {np.dtype(np.float32)}:
            return None
        return ImageVectors(vectors, failures, boxes)

    def put(self, key: str, found: ImageVectors) -> None:
        """Keep vectors, whole or not at all."""
        if found.vectors.nbytes > _LARGEST:
            return
        content = io.BytesIO()
        failures = json.dumps(list(found.failures.items()))
        np.savez(content, vectors=found.vectors, boxes=found.boxes, failures=np.array(failures))
        with contextlib.suppress(OSError):
            replace_file(self._file(key), content.getvalue())

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.npz"


def vectors_key(data_sha256: str, embedder: Embedder, found_by: Any) -> str:
    """A digest of everything that decides the vectors of a data set.

    Args:
        data_sha256: of the images (`data_digest`).
        embedder: what makes the vectors.
        found_by: plain values that say how faces are found and cut.
    """
    parts = {
        "software": versions(),
        "data": data_sha256,
        "embedder": embedder.settings,
        "found_by": found_by,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
