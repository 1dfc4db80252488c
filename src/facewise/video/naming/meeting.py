"""Which tracks are on one frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from facewise.video.naming.deciding import part
from facewise.video.tracking.boxes import overlaps

if TYPE_CHECKING:
    from facewise.faces import Faces
    from facewise.video.naming.subject import Subject

_ONE = 0.3
"""Overlap of two boxes from which on they may be one face."""


def meet(faces: Faces, subjects: Mapping[int, Subject]) -> None:
    """Note who is on a frame with whom; two who have one name do not both keep it.

    Args:
        faces: of the frame, with the columns `track` and `detected`.
        subjects: those of the tracks, at least.
    """
    ids = faces.data["track"].tolist()
    if len(ids) < 2:
        return
    seen = faces.data["detected"].tolist()
    common = overlaps(faces.boxes[:, None], faces.boxes[None]).tolist()
    for i, one in enumerate(ids):
        for j in range(i):
            other = ids[j]
            known = subjects[one].met.get(other)
            if known:
                continue
            if known is None:
                part(subjects[one], subjects[other])
            apart = seen[i] and seen[j] and common[i][j] < _ONE
            subjects[one].met[other] = subjects[other].met[one] = apart
