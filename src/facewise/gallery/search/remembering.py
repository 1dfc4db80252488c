"""Rough candidates that are looked for once, for probes that are asked for again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from facewise.gallery.search.exact import candidates
from facewise.gallery.search.segment import Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH = 640
"""Candidates that are kept of a probe: as many as 20 people of 10 faces need."""

FEW = 16
"""Probes at a time for which the time goes into reading the gallery: more candidates cost next to
nothing, and to read it again as much as the first time. For more probes it is the other way
round."""


class Remembering:
    """`exact.candidates`, which remembers what it found of few probes.

    For one search, and not for many threads.

    Args:
        segments: see `exact.candidates`.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = segments
        self._n = sum(map(len, segments))
        self._known: dict[
            bytes, tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]
        ] = {}

    def __call__(
        self, probes: NDArray[np.float32], count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        """See `exact.candidates`."""
        if len(probes) > FEW:
            return candidates(self._segments, probes, count)
        keys = [probe.tobytes() for probe in probes]
        if any(key not in self._known or len(self._known[key][0]) < count for key in keys):
            found = candidates(self._segments, probes, min(self._n, max(count, WIDTH)))
            self._known |= dict(zip(keys, zip(*found, strict=True), strict=True))
        rows = [self._known[key] for key in keys]
        return (
            np.stack([faces[:count] for faces, _, _ in rows]),
            np.stack([rough[:count] for _, rough, _ in rows]),
            np.stack([off for _, _, off in rows]),
        )
