"""The columns that names are, on the faces of frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise.recognition import UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.faces import Faces
    from facewise.video.naming.records import Track
    from facewise.video.naming.subject import Subject
    from facewise.video.tracking import TrackedFrame


def named(
    tracked: TrackedFrame, subjects: Mapping[int, Subject], confidences: Mapping[int, float]
) -> TrackedFrame:
    """A frame whose faces have the names of their tracks as they are now.

    Args:
        tracked: the frame.
        subjects: those of its tracks, at least.
        confidences: likewise.
    """
    here = [subjects[track] for track in tracked.faces.data["track"].tolist()]
    columns = _columns(
        [one.name for one in here],
        [one.similarity for one in here],
        [confidences[one.id] for one in here],
    )
    return replace(tracked, faces=tracked.faces.with_data(**columns))


def finally_named(faces: Faces, tracks: Mapping[int, Track]) -> Faces:
    """The faces of a frame with what is known in the end, and a column `person`.

    Args:
        faces: with the column `track`.
        tracks: by number; one that is missing has no name.
    """
    here = [tracks.get(track) for track in faces.data["track"].tolist()]
    columns = _columns(
        [UNKNOWN if one is None else one.name for one in here],
        [None if one is None else one.similarity for one in here],
        [0.0 if one is None else one.confidence for one in here],
    )
    person = np.array([0 if one is None else one.person for one in here], np.int64)
    return faces.with_data(**columns, person=person)


def _columns(
    names: Sequence[str], similarities: Sequence[float | None], confidences: Sequence[float]
) -> dict[str, NDArray[Any]]:
    return {
        "name": np.array(names, np.str_) if names else np.empty(0, "U1"),
        "similarity": np.array([-1.0 if s is None else s for s in similarities], np.float32),
        "confidence": np.array(confidences, np.float32),
    }
