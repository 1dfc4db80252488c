"""How a probe is compared with a person who has several faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.gallery.records import FaceRecord, Ids, Vectors
    from facewise.gallery.store import Store

Template = Literal["best", "mean", "quality"]
"""`best`: with the person's most similar face; `mean`: with the unit mean of all faces; `quality`:
with the mean weighted by the faces' quality."""

DEFAULT_TEMPLATE: Template = "mean"
"""Best on LFW, by rank-1 and by DIR at an FPIR of 1 % (docs/results/gallery.md); and what
`recognize` compares with too."""


def check_template(template: str) -> None:
    """Refuse what is no template.

    Raises:
        ValueError: it is none.
    """
    if template not in get_args(Template):
        raise ValueError(f"template: expected one of {get_args(Template)}, got {template!r:.40}")


def person_templates(
    store: Store, people: Sequence[int] | Ids, template: Template
) -> tuple[Ids, Vectors]:
    """One unit vector for each of some people.

    Args:
        store: of the gallery.
        people: their ids.
        template: `mean` or `quality`.

    Returns:
        The ids of those who have faces, int64 (n,), ascending; float32 (n, d).

    Raises:
        GalleryError: the store is damaged or cannot be reached.
    """
    block = store.vectors_of_people(people)
    weights = np.ones(len(block.face_ids))
    if template == "quality":
        known = {face.id: face for person in people for face in store.faces(int(person))}
        # What was added since the vectors were read is not among them; what was removed since then
        # counts for nothing.
        weights = np.array([_weight(known.get(id_)) for id_ in block.face_ids.tolist()])
    return weighted_means(block.person_ids, block.vectors, weights)


def weighted_means(
    people: Ids, vectors: NDArray[np.floating], weights: NDArray[np.float64]
) -> tuple[Ids, Vectors]:
    """The unit vector of the weighted mean of each person's vectors.

    Args:
        people: int64 (n,), whose each vector is.
        vectors: (n, d).
        weights: (n,), at least 0.

    Returns:
        The people, int64 (p,), ascending; their means, float32 (p, d). Where a mean is zero
        (vectors that cancel out) it stays so, and is similar to nobody.
    """
    order = np.argsort(people, kind="stable")
    ids, starts = np.unique(people[order], return_index=True)
    weighted = vectors[order] * weights[order, None]
    sums = np.add.reduceat(weighted, starts) if len(ids) else np.empty((0, vectors.shape[1]))
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return ids, np.divide(sums, lengths, out=sums, where=lengths > 0).astype(np.float32)


def _weight(face: FaceRecord | None) -> float:
    """A face of unknown quality counts as a good one; none that is there counts for nothing."""
    if face is None:
        return 0.0
    return 1.0 if face.quality is None else max(face.quality, 1e-3)


def every_template(store: Store) -> tuple[Ids, Vectors]:
    """The unit mean of every person's vectors, read in one pass.

    Returns:
        The people who have faces, int64 (n,), ascending; float32 (n, d). In memory: for large
        galleries that is much.

    Raises:
        GalleryError: the store is damaged or cannot be reached.
    """
    sums: dict[int, NDArray[np.float64]] = {}
    for block in store.vectors():
        for person, vector in zip(block.person_ids.tolist(), block.vectors, strict=True):
            if person in sums:
                sums[person] += vector
            else:
                sums[person] = vector.astype(np.float64)
    ids = np.array(sorted(sums), np.int64)
    rows = [sums[person] for person in ids.tolist()]
    d = store.facts().embedding_size
    return weighted_means(ids, np.array(rows, np.float64).reshape(-1, d), np.ones(len(ids)))
