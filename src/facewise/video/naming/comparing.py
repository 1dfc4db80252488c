"""Compare tracks with the people who are known, and keep the log that they want."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from facewise.recognition import UNKNOWN

if TYPE_CHECKING:
    from facewise.video.naming.known import Known
    from facewise.video.naming.limits import Judge
    from facewise.video.naming.subject import Subject


class Comparison:
    """Who of the people is like a track, and how alike is enough.

    The people have a note of it (`Known.note`) when comparing begins, and then of how many tracks
    were compared and named.

    Args:
        known: the people.
        judge: makes limits.

    Attributes:
        limits: for as many people as there are; None without a judge.
    """

    def __init__(self, known: Known, judge: Judge | None) -> None:
        self._known = known
        self._judge = judge
        self._begun = False
        self._tracks = self._named = 0
        self.limits = None if judge is None else judge.limits(known.count)

    def compare(self, some: Sequence[Subject]) -> None:
        """Find out whom tracks resemble."""
        count = self._known.count
        if self._judge is not None and self.limits is not None and count != self.limits.people:
            self.limits = self._judge.limits(count)
        pairs = [(one, one.evidence.template) for one in some]
        vectors = [template for _, template in pairs if template is not None]
        if not vectors or not count:
            return
        if not self._begun:
            self._begun = True
            self._known.note(0, 0)
        found = iter(self._known.search(np.stack(vectors)))
        for one, template in pairs:
            if template is not None:
                one.ranking = next(found)

    def count(self, ended: Sequence[Subject]) -> None:
        """These tracks have ended; those that were compared are counted."""
        compared = [one for one in ended if one.ranking]
        self._tracks += len(compared)
        self._named += sum(one.name != UNKNOWN for one in compared)

    def note(self) -> None:
        """Tell the people's log of those that have ended since the last time."""
        if self._tracks:
            self._known.note(self._tracks, self._named)
            self._tracks = self._named = 0
