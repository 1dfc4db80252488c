"""Measure what a store's own approximate search finds of what its exact search finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facewise.gallery.own_search import WidthRecall
from facewise.gallery.search.approximate import moved

if TYPE_CHECKING:
    from facewise.gallery.own_search import OwnSearch

WIDTHS = (64, 128, 256, 512, 1000)
"""Widths of the search that are measured, up to one that finds (nearly) everything."""

_PROBES = 256
_EVERYTHING = 0.999
_SAME = 1e-5  # by how much two ways to compute a similarity may differ


def measured_recalls(search: OwnSearch, seed: int = 0) -> list[WidthRecall]:
    """For each width what it finds, with probes as `search.approximate.measured_recalls` has them.

    Raises:
        GalleryError: the store cannot be reached.
    """
    sample = search.sample(_PROBES)
    if not len(sample):
        return []
    probes = moved(sample, np.random.default_rng(seed))
    _, _, best = search.search_with(probes, 10, None)
    found = []
    for width in WIDTHS:
        _, _, similarities = search.search_with(probes, 10, width)
        shared = min(best.shape[1], similarities.shape[1])
        if not shared:
            return []
        # Of equal faces any will do.
        enough = similarities[:, :shared] >= best[:, :shared] - _SAME
        found.append(WidthRecall(width, float(enough[:, 0].mean()), float(enough.mean())))
        if min(found[-1][1:]) >= _EVERYTHING:
            break
    return found
