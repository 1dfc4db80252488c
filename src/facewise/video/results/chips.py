"""The best faces of each person, cut out, in a folder for each."""

from __future__ import annotations

import heapq
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise._files import part_of, replace_file
from facewise.alignment import crop
from facewise.embedding import DEFAULT_EMBEDDER
from facewise.errors import VideoError
from facewise.quality import kept, promise
from facewise.video.results.file_names import FolderNames
from facewise.video.results.presence import label_of
from facewise.zoo import find_spec

if TYPE_CHECKING:
    from facewise.alignment import CropPolicy
    from facewise.faces import Faces
    from facewise.images import Picture
    from facewise.video.results.tracked_video import TrackedVideo
    from facewise.video.results.writing import Report
    from facewise.video.tracking import TrackedFrame

_LOOKED = 6
"""Faces that are looked at for each one that is kept."""

_APART = 0.4
"""Seconds between the faces of a track that are looked at: others are all alike."""


def save_chips(
    video: TrackedVideo,
    folder: str | PathLike[str],
    *,
    per_track: int = 3,
    crop_policy: CropPolicy | None = None,
    report: Report | None = None,
) -> int:
    """Write the best faces of each track as PNG files, in a folder for each person.

    They are chosen among the faces that the detector saw, at least 0.4 seconds apart, by
    `facewise.quality`. Files are `NAME/track-0003-frame-000125.png`. The folder appears when it is
    complete. The video is read a second time.

    Args:
        video: what was found.
        folder: new, or empty.
        per_track: chips of a track at most.
        crop_policy: how chips are cut; None: as the default embedder wants them.
        report: called with the number of frames that are done.

    Returns:
        How many chips there are.

    Raises:
        VideoError: the folder is there, and not empty; or the video cannot be read a second time.
        FacesError: the policy needs landmarks, and the detector gave none.
        OSError: something cannot be written; names the folder.
        ValueError: `per_track` is below 1.
    """
    if per_track < 1:
        raise ValueError(f"per_track: expected at least 1, got {per_track}")
    folder = Path(folder)
    require_empty(folder)
    policy = crop_policy or find_spec(DEFAULT_EMBEDDER).crop
    assert policy is not None  # noqa: S101 - the default embedder has one
    chosen, last = _chosen(video, per_track)
    draft = part_of(folder)
    try:
        draft.mkdir(parents=True)
        number = _write(video, chosen, last, draft, per_track, policy, report)
        if folder.exists():
            folder.rmdir()
        draft.replace(folder)
    except BaseException as error:
        shutil.rmtree(draft, ignore_errors=True)
        if isinstance(error, OSError) and str(error.filename).startswith(str(draft)):
            raise OSError(error.errno, error.strerror, str(folder)) from error
        raise
    return number


def require_empty(folder: Path) -> None:
    """Make sure that chips of another video are not mixed with those that come.

    Raises:
        VideoError: something is there already.
    """
    if folder.exists() and not folder.is_dir():
        raise VideoError(f"{folder}: is a file, expected a new folder for chips")
    if folder.is_dir() and any(folder.iterdir()):
        raise VideoError(f"{folder}: is not empty, expected a new folder for chips")


@dataclass(slots=True)
class _Best:
    """The best chips of a track so far: quality, frame, picture."""

    most: int
    heap: list[tuple[float, int, Picture]] = field(default_factory=list)

    def wants(self, worth: float) -> bool:
        return len(self.heap) < self.most or worth > self.heap[0][0]

    def offer(self, worth: float, frame: int, chip: Picture) -> None:
        heapq.heappush(self.heap, (worth, frame, chip))
        if len(self.heap) > self.most:
            heapq.heappop(self.heap)


def _chosen(
    video: TrackedVideo, per_track: int
) -> tuple[dict[int, dict[int, float]], dict[int, int]]:
    """Faces that are worth looking at.

    Returns:
        By frame the tracks, with what their faces promise; and by track the last of these frames.
    """
    size = video.source.width, video.source.height
    best: dict[int, list[tuple[float, int]]] = {}
    recent: dict[int, tuple[float, float, int]] = {}  # the best of a stretch: begin, worth, frame

    def keep(track: int, worth: float, frame: int) -> None:
        heap = best.setdefault(track, [])
        heapq.heappush(heap, (worth, frame))
        if len(heap) > per_track * _LOOKED:
            heapq.heappop(heap)

    for seen in video.faces():
        faces = seen.faces
        rows = np.flatnonzero(faces.data["detected"])
        if not len(rows):
            continue
        found = faces[rows]
        promised = promise(found.boxes, found.landmarks, found.scores, size, faces.boxes)
        for track, worth in zip(found.data["track"].tolist(), promised.tolist(), strict=True):
            stretch = recent.get(track)
            if stretch is not None and seen.time - stretch[0] >= _APART:
                keep(track, stretch[1], stretch[2])
                stretch = None
            if stretch is None:
                recent[track] = seen.time, worth, seen.index
            elif worth > stretch[1]:
                recent[track] = stretch[0], worth, seen.index
    for track, (_, worth, frame) in recent.items():
        keep(track, worth, frame)
    wanted: dict[int, dict[int, float]] = {}
    for track, heap in best.items():
        for worth, frame in heap:
            wanted.setdefault(frame, {})[track] = worth
    return wanted, {track: max(frame for _, frame in heap) for track, heap in best.items()}


def _write(
    video: TrackedVideo,
    chosen: dict[int, dict[int, float]],
    last: dict[int, int],
    folder: Path,
    per_track: int,
    policy: CropPolicy,
    report: Report | None,
) -> int:
    names = FolderNames()
    best: dict[int, _Best] = {}
    number = 0
    for tracked in video.again():
        for track in _looked_at(tracked, chosen.get(tracked.index, {}), policy, best, per_track):
            if last[track] == tracked.index:
                record = video.track(track)
                label = f"track {track}" if record is None else label_of(record, named=video.named)
                number += _save(best.pop(track), folder / names(label), track)
        if report is not None:
            report(tracked.index + 1)
    return number


def _looked_at(
    tracked: TrackedFrame,
    promised: dict[int, float],
    policy: CropPolicy,
    best: dict[int, _Best],
    per_track: int,
) -> Iterator[int]:
    """Look at the faces of a frame; gives the tracks of those that were chosen."""
    faces: Faces = tracked.faces
    for row, track in enumerate(faces.data["track"].tolist()):
        if track not in promised:
            continue
        mine = best.setdefault(track, _Best(per_track))
        worth = kept(promised[track], tracked.image, faces.boxes[row])
        if mine.wants(worth):
            mine.offer(worth, tracked.index, crop(tracked.image, faces[row], policy)[0].copy())
        yield track


def _save(best: _Best, folder: Path, track: int) -> int:
    import cv2

    for _, frame, chip in best.heap:
        content = cv2.imencode(".png", cv2.cvtColor(chip, cv2.COLOR_RGB2BGR))[1].tobytes()
        replace_file(folder / f"track-{track:04}-frame-{frame:06}.png", content)
    return len(best.heap)
