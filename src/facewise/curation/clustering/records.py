"""What an album holds, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class NewFace:
    """A face that was found in a photo.

    Attributes:
        box: `(x1, y1, x2, y2)` in pixels of the photo.
        score: the detector's, in [0, 1].
        quality: in [0, 1] (`facewise.quality`).
        vector: float32 (d,), of unit length.
        thumbnail: a JPEG file.
    """

    box: tuple[float, float, float, float]
    score: float
    quality: float
    vector: NDArray[np.float32]
    thumbnail: bytes


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A file as it was when it was read.

    Attributes:
        path: absolute.
        size: bytes.
        changed: when, in nanoseconds.
    """

    path: Path
    size: int
    changed: int


@dataclass(frozen=True, slots=True)
class KeptFace:
    """A face of an album.

    Attributes:
        id: above 0, and never given to another face.
        photo: id of its photo: of one content, whatever files have it.
        cluster: id of its cluster, or None: not sorted yet, or left out.
        left_out: somebody said that it does not count.
        box: `(x1, y1, x2, y2)` in pixels of the photo.
        score: the detector's, in [0, 1].
        quality: in [0, 1].
    """

    id: int
    photo: int
    cluster: int | None
    left_out: bool
    box: tuple[float, float, float, float]
    score: float
    quality: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """Faces that are one person.

    Attributes:
        id: above 0, and never given to another cluster.
        name: what somebody called it, or None.
        faces: how many it has, at least 1.
    """

    id: int
    name: str | None
    faces: int

    @property
    def title(self) -> str:
        """The name, or "person" and the id."""
        return self.name or f"person {self.id}"


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The faces of an album that count, as arrays, by rising id.

    Attributes:
        ids: int64 (n,).
        photos: ids, int64 (n,).
        clusters: ids, int64 (n,); 0 for none.
        qualities: float32 (n,).
        vectors: float32 (n, d).
    """

    ids: NDArray[np.int64]
    photos: NDArray[np.int64]
    clusters: NDArray[np.int64]
    qualities: NDArray[np.float32]
    vectors: NDArray[np.float32]
