"""`python -m bench anonymise`: whether every face is covered, and what is left of it."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.overlap import intersection_over_union
from bench.record import Group, Record
from bench.track_quality import REAL, video_and_truth
from bench.tracking.covering import people_of
from bench.tracking.plain import exact_faces
from bench.tracking.truth import Truth
from facewise.faces import Faces

COVERED = 0.95
"""Part of a box from which on it counts as covered."""

SETTINGS: dict[str, dict[str, Any]] = {
    "every frame (the default)": {},
    "every 4th frame": {"every": 4},
    "adaptive": {"every": None},
}

COLOR = (255, 0, 255)
"""Faces are covered with it: nothing in the video looks like that."""

_NEAR = 60  # of 255: how far the covering colour may be off after encoding
_STRIDE = 5  # frames that are looked at, of those that are left
_WAYS = ("not covered", "blur", "pixelate", "solid")
_COVERING = (
    "Exact detection of every frame gives the faces. A box counts as covered when 95 % of its "
    "pixels have the covering colour in the video that was written (`solid`), decoded again."
)
_LEFT = (
    "Of every 5th frame. Found: faces that exact detection finds again in the written video. "
    "Rank-1: chips are cut by the landmarks of the uncovered frame, and compared with the means of "
    "the people's uncovered faces of the other frames; guessing gives 1 in {people}."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--work", type=Path, help="keep the videos in this folder")


def run(arguments: argparse.Namespace, record: Record) -> None:
    import facewise

    with tempfile.TemporaryDirectory(prefix="facewise-bench-") as temporary:
        work = Path(temporary) if arguments.quick else arguments.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        video, truth = video_and_truth(REAL, arguments.shared, work)
        frames = len(truth.frames)
        if arguments.quick:
            arguments.settings, frames = ["adaptive"], 10
            video = _beginning(video, frames, work)
        exact = exact_faces(video, facewise.load_detector(), work / "exact.json")
        _measure_covering(arguments.settings, video, exact, record, work)
        _measure_rest(video, truth, exact, record, work)


def covered_parts(written: Path, exact: Sequence[Faces]) -> list[NDArray[np.float64]]:
    """For each frame of a video whose faces are covered (`solid`, `COLOR`), the covered part of
    each box.

    Raises:
        ValueError: it has another number of frames.
    """
    from facewise.video import open_source

    parts = []
    with open_source(written) as source:
        for frame, faces in zip(source, exact, strict=True):
            off = np.abs(frame.image.astype(np.int16) - np.array(COLOR, np.int16)).max(axis=2)
            boxes = faces.boxes.round().astype(int).clip(0)
            dark = [off[y1:y2, x1:x2] <= _NEAR for x1, y1, x2, y2 in boxes.tolist()]
            parts.append(np.array([part.mean() if part.size else 1.0 for part in dark]))
    return parts


def _measure_covering(
    settings: Sequence[str], video: Path, exact: Sequence[Faces], record: Record, work: Path
) -> None:
    from facewise.video.results import anonymise

    faces = sum(map(len, exact))
    group = Group(
        f"Faces covered: {len(exact)} frames, {faces} faces",
        unit="",
        reference="",
        columns=("uncovered", "least_part", "area"),
        notes=[_COVERING],
    )
    record.groups.append(group)
    for name in settings:
        path = work / "solid.mp4"
        anonymise(video, path, how="solid", color=COLOR, audio=False, **SETTINGS[name]).close()
        parts = covered_parts(path, exact)
        everything = [[0, 0, *_size(path)]]
        whole = [Faces(everything, [1.0])] * len(exact)
        extras = {
            "uncovered": sum(int((part < COVERED).sum()) for part in parts),
            "least_part": min((float(part.min()) for part in parts if part.size), default=1.0),
            "area": float(np.mean(covered_parts(path, whole))),
        }
        group.note(name, extras)
        record.save()


def _measure_rest(
    video: Path, truth: Truth, exact: Sequence[Faces], record: Record, work: Path
) -> None:
    from facewise.video.results import anonymise

    whose = [
        people_of(faces.boxes, truth.boxes(i), np.array([s.person for s in truth.frames[i]], int))
        for i, faces in enumerate(exact)
    ]
    people = sorted({int(one) for some in whose for one in some if one >= 0})
    group = Group(
        "What is left of covered faces",
        unit="",
        reference="",
        columns=("found", "rank_1"),
        notes=[_LEFT.format(people=len(people))],
    )
    record.groups.append(group)
    vectors = dict(_vectors(video, exact))
    for way in _WAYS:
        path = video
        if way != "not covered":
            path = work / f"{way}.mp4"
            anonymise(video, path, how=way, audio=False, every=1).close()  # type: ignore[arg-type]
        group.note(way, _rest(path, exact, whose, vectors))
        record.save()


def _rest(
    path: Path,
    exact: Sequence[Faces],
    whose: Sequence[NDArray[np.int64]],
    vectors: dict[int, NDArray[np.float32]],
) -> dict[str, float]:
    """What is found in a video, and how many of its faces are most like their own people's."""
    import facewise
    from facewise.video import open_source

    detector = facewise.load_detector()
    found = faces = 0
    with open_source(path) as source:
        for frame in source:
            if frame.index % _STRIDE == 0:
                [again] = detector.detect([frame.image])
                overlap = intersection_over_union(exact[frame.index].boxes, again.boxes)
                found += int((overlap.max(axis=1, initial=0) >= 0.5).sum())
                faces += len(exact[frame.index])
    right = asked = 0
    for index, left in _vectors(path, exact):
        others = [i for i in vectors if i != index]
        gathered = np.concatenate([vectors[i] for i in others])
        owners = np.concatenate([whose[i] for i in others])
        names = np.unique(owners[owners >= 0])
        means = np.stack([gathered[owners == name].mean(axis=0) for name in names])
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        known = np.isin(whose[index], names)
        best = names[(left[known] @ means.T).argmax(axis=1)] if known.any() else np.empty(0)
        right += int((best == whose[index][known]).sum())
        asked += int(known.sum())
    return {"found": found / max(faces, 1), "rank_1": right / max(asked, 1)}


def _vectors(path: Path, exact: Sequence[Faces]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The embeddings of what is where the faces are, for some frames of a video."""
    import facewise
    from facewise.alignment import crop
    from facewise.video import open_source

    embedder = facewise.load_embedder()
    policy = embedder.spec.crop
    assert policy is not None
    with open_source(path) as source:
        for frame in source:
            faces = exact[frame.index]
            if frame.index % _STRIDE == 0 and len(faces):
                yield frame.index, embedder.embed(crop(frame.image, faces, policy))


def _size(path: Path) -> tuple[int, int]:
    from facewise.video import open_source

    with open_source(path) as source:
        return source.width, source.height


def _beginning(video: Path, frames: int, work: Path) -> Path:
    """The first frames of a video, as one of its own."""
    from facewise.video import VideoWriter, open_source

    path = work / "beginning.mp4"
    with open_source(video) as source, VideoWriter(path, like=source, audio=False) as writer:
        for frame in source:
            if frame.index == frames:
                break
            writer.write(frame.image, frame.time)
    return path
