"""Faces of shards, and pictures that failed, as a reader gets them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise.shards import schema

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class FaceBatch:
    """n faces of shards, row by row.

    Attributes:
        sources, keys: n texts; see `schema.SOURCE` and `schema.KEY`.
        labels: n texts, None where there is none; see `schema.LABEL`.
        sizes: int32 (n, 2), width and height of the picture, pixels.
        faces: int32 (n,), the number of each face in its picture.
        boxes: float32 (n, 4), pixels.
        scores: float32 (n,) in [0, 1]; NaN of chips.
        vectors: float32 (n, d), of unit length.
        chips: n PNG files, or None if there are none.
    """

    sources: list[str]
    keys: list[str]
    labels: list[str | None]
    sizes: NDArray[np.int32]
    faces: NDArray[np.int32]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    vectors: NDArray[np.float32]
    chips: list[bytes] | None

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Failure:
    """A picture without a result.

    Attributes:
        source: see `schema.SOURCE`.
        key: see `schema.KEY`.
        reason: why.
    """

    source: str
    key: str
    reason: str

    def __str__(self) -> str:
        place = "/".join(part for part in (self.source, self.key) if part)
        return f"{place}: {self.reason}"


def batch_of(rows: Any, dimension: int, chips: bool) -> FaceBatch:
    """A batch of rows of Arrow's, whose `status` is `face`."""

    def numbers(name: str, width: int) -> NDArray[np.float32]:
        values = rows[name].flatten().to_numpy(zero_copy_only=False)
        return np.asarray(values, np.float32).reshape(-1, width)

    def whole(name: str) -> NDArray[np.int32]:
        return np.asarray(rows[name].to_numpy(zero_copy_only=False), np.int32)

    return FaceBatch(
        sources=rows[schema.SOURCE].to_pylist(),
        keys=rows[schema.KEY].to_pylist(),
        labels=rows[schema.LABEL].to_pylist(),
        sizes=np.stack([whole(schema.WIDTH), whole(schema.HEIGHT)], axis=1),
        faces=whole(schema.FACE),
        boxes=numbers(schema.BOX, 4),
        scores=np.asarray(rows[schema.SCORE].to_numpy(zero_copy_only=False), np.float32),
        vectors=numbers(schema.VECTOR, dimension),
        chips=rows[schema.CHIP].to_pylist() if chips else None,
    )
