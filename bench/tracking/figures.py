"""How good a tracking is: IDF1, MOTA and switches of identity, by motmetrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.overlap import intersection_over_union
from bench.tracking.tracked import Tracked
from bench.tracking.truth import COUNTED, Truth, within

LEAST_OVERLAP = 0.5
"""Intersection over union from which on a box is that of a face."""

_METRICS = (
    "idf1", "idp", "idr", "mota", "num_switches", "num_misses", "num_false_positives",
    "num_fragmentations", "num_objects",
)  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """Of a tracking of one video.

    Attributes:
        frames: of the video.
        faces: that were expected, over all frames.
        idf1: F1 of faces with the right identity, when each track is given to at most one person
            and each person to at most one track, over the whole video.
        mota: 1 less misses, false boxes and switches for each expected face.
        switches: times that a person is found under another id than the last time, also after an
            absence.
        misses: expected faces without a box.
        false: boxes without a face.
        fragments: times that a person who was found is lost, and found again later.
    """

    frames: int
    faces: int
    idf1: float
    mota: float
    switches: int
    misses: int
    false: int
    fragments: int

    @property
    def switches_per_1000(self) -> float:
        """Switches in 1,000 frames."""
        return 1000 * self.switches / self.frames


class Compared(NamedTuple):
    """The faces of a frame that count, and the boxes given for it.

    Attributes:
        people: (n,).
        tracks: (m,).
        overlap: (n, m) intersection over union.
    """

    people: NDArray[np.int64]
    tracks: NDArray[np.int64]
    overlap: NDArray[np.float32]


class Problem(NamedTuple):
    """Something a tracker did wrong, from one frame (counted from 0) to another.

    Attributes:
        kind: "missed", "false" or "switch".
        person: whose face; None for a box without one.
        track: the id given; None for a missed face.
    """

    kind: str
    first: int
    last: int
    person: int | None
    track: int | None


def compared(
    truth: Truth, tracked: Sequence[Tracked], *, strict: bool = False
) -> Iterator[Compared]:
    """Each frame, without the faces that are not expected and without the boxes found for them.

    As MOTChallenge does it, boxes are given to all faces of the truth, as many as possible and as
    well as possible; those of faces that are not expected count neither way. Nor does, as in COCO,
    a box that was given to nobody and of which half or more lies on a face that is not expected:
    a detector draws what can be seen of a face, and the truth has the whole.

    Args:
        truth: who is where.
        tracked: as many frames.
        strict: a box for a face that is not expected is false.

    Raises:
        ValueError: another number of frames, or an id that is given twice on a frame.
    """
    from scipy.optimize import linear_sum_assignment

    if len(tracked) != len(truth.frames):
        raise ValueError(f"tracked: expected {len(truth.frames)} frames, got {len(tracked)}")
    for number, (faces, frame) in enumerate(zip(truth.frames, tracked, strict=True)):
        if len(set(frame.ids.tolist())) < len(frame.ids):
            raise ValueError(f"frame {number}: an id is given twice, {frame.ids.tolist()}")
        given = within(frame.boxes, truth.width, truth.height)
        true = truth.boxes(number)
        overlap = intersection_over_union(true, given)
        counts = np.array([seen.visible >= COUNTED for seen in faces], bool)
        keep = np.ones(len(given), bool)
        if not strict and not counts.all():
            keep = _share_within(given, true[~counts]) < LEAST_OVERLAP
            close = np.where(overlap >= LEAST_OVERLAP, 1 + overlap, 0)
            for row, column in zip(*linear_sum_assignment(-close), strict=True):
                if close[row, column]:
                    keep[column] = counts[row]
        people = np.array([seen.person for seen in faces], np.int64)[counts]
        yield Compared(people, np.asarray(frame.ids)[keep], overlap[counts][:, keep])


def _share_within(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest part of each box (n, 4) that lies in one of others (m, 4); (n,)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = np.maximum(high - low, 0).prod(axis=2)
    areas = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-9)
    share: NDArray[np.float32] = (common / areas[:, None]).max(axis=1, initial=0)
    return share


def figures(truth: Truth, tracked: Sequence[Tracked], *, strict: bool = False) -> Figures:
    """The figures of a tracking; see `compared` for `strict`."""
    import motmetrics

    events = _events(truth, tracked, strict=strict)
    table = motmetrics.metrics.create().compute(events, metrics=list(_METRICS), name="video")
    row = table.loc["video"]
    return Figures(
        frames=len(truth.frames),
        faces=int(row["num_objects"]),
        idf1=float(row["idf1"]),
        mota=float(row["mota"]),
        switches=int(row["num_switches"]),
        misses=int(row["num_misses"]),
        false=int(row["num_false_positives"]),
        fragments=int(row["num_fragmentations"]),
    )


def problems(truth: Truth, tracked: Sequence[Tracked], *, strict: bool = False) -> list[Problem]:
    """Everything that is wrong, by the frames it begins on."""
    kinds = {"MISS": "missed", "FP": "false", "SWITCH": "switch"}
    rows = _events(truth, tracked, strict=strict).mot_events.reset_index()
    running: dict[tuple[str, int | None, int | None], Problem] = {}
    done: list[Problem] = []
    for row in rows.itertuples():
        kind = kinds.get(row.Type)
        if kind is None:
            continue
        person = None if kind == "false" else int(row.OId)
        track = None if kind == "missed" else int(row.HId)
        frame, key = int(row.FrameId), (kind, person, track)
        before = running.get(key)
        if before is not None and before.last >= frame - 1:
            running[key] = before._replace(last=frame)
            continue
        if before is not None:
            done.append(before)
        running[key] = Problem(kind, frame, frame, person, track)
    return sorted([*done, *running.values()], key=lambda problem: problem.first)


def _events(truth: Truth, tracked: Sequence[Tracked], *, strict: bool) -> Any:
    import motmetrics

    events = motmetrics.MOTAccumulator()
    for number, (people, tracks, overlap) in enumerate(compared(truth, tracked, strict=strict)):
        distance = np.where(overlap >= LEAST_OVERLAP, 1 - overlap.astype(np.float64), np.nan)
        events.update(people, tracks, distance, frameid=number)
    return events
