"""From the vectors of images to one of each template, by media (IJB-B, IJB-C)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS = 1 << 14  # images at a time: bounds the memory of their float64 copies


def pooled(
    vectors: NDArray[np.float32],
    templates: NDArray[np.intp],
    media: NDArray[np.intp],
    count: int,
    weights: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Media pooling: the mean within each medium, then over a template's media, at unit length.

    The frames of a video resemble each other; without this a long one would outweigh all stills
    (Crosswhite et al., Template Adaptation for Face Verification and Identification, 2017).

    Args:
        vectors: float32 (m, d), unit length; images with NaN are left out.
        templates: intp (m,), from 0 to count - 1.
        media: intp (m,), equal for images of one medium.
        count: how many templates there are.
        weights: float32 (m,), how much each image counts, at least 0, for example its detection
            score; all alike by default.

    Returns:
        float32 (count, d); NaN where a template has no usable image.

    Raises:
        ValueError: a weight is below 0 or not finite.
    """
    share = np.ones(len(vectors)) if weights is None else np.asarray(weights, np.float64)
    if not (np.isfinite(share).all() and (share >= 0).all()):
        raise ValueError("weights: expected finite values from 0 on")
    usable = np.flatnonzero(~np.isnan(vectors).any(axis=1))
    keys = np.stack([templates[usable], media[usable]], axis=1)
    groups, member = np.unique(keys, axis=0, return_inverse=True)
    member = member.reshape(-1)
    totals = np.bincount(member, share[usable], minlength=len(groups))
    # A mean of means is a sum over images, each by its share of its medium.
    own = np.divide(
        share[usable], totals[member], where=totals[member] > 0, out=np.zeros(len(usable))
    )
    added = np.zeros((count, vectors.shape[1]))
    for start in range(0, len(usable), _ROWS):
        rows = slice(start, start + _ROWS)
        np.add.at(added, templates[usable[rows]], vectors[usable[rows]] * own[rows, None])
    return unit(added)


def unit(sums: NDArray[np.float64]) -> NDArray[np.float32]:
    """Rows at unit length; NaN where a row is nothing."""
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    length[length == 0] = np.nan
    return np.asarray(sums / length, np.float32)
