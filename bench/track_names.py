"""`python -m bench track_names`: whether tracks get the right names, 20 people being enrolled."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench.contest import UnavailableError
from bench.record import Group, Record
from bench.synthetic_video import make_all
from bench.tracking.naming import Naming, TrackName, judge_names
from bench.tracking.scripts import SCRIPTS
from bench.tracking.tracked import from_frames
from bench.tracking.truth import Truth, read_truth

_COLUMNS = (
    "tracks",
    "right",
    "wrong",
    "nameless",
    "false_tracks",
    "mixed",
    "split",
    "changes",
    "right_faces",
)
_NOTE = (
    "Wrong: a track of an enrolled person under another's name, or anybody else's under the name "
    "of somebody enrolled. Nameless: of an enrolled person, without the name. Mixed: numbers that "
    "several strangers share; split: strangers with several numbers. A track is of the person it "
    "shows most; `faces` are all faces on tracks, so one that shows two people is right in part."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--videos", nargs="+", choices=list(SCRIPTS), default=list(SCRIPTS))
    parser.add_argument("--work", type=Path, help="keep the videos in this folder")


def run(arguments: argparse.Namespace, record: Record) -> None:
    with tempfile.TemporaryDirectory(prefix="facewise-bench-") as temporary:
        if arguments.quick:  # never beside whole videos
            arguments.videos, arguments.work = ["walkers"], None
        work = arguments.work or Path(temporary)
        make_all(work, arguments.shared, arguments.videos, limit=30 if arguments.quick else None)
        group = Group(
            "Names of tracks",
            unit="",
            reference="",
            columns=_COLUMNS,
            notes=[_NOTE],
        )
        record.groups.append(group)
        for video in arguments.videos:
            truth = read_truth(work, video)
            naming = name_tracks(work / f"{video}.mp4", work / "people", truth)
            group.note(video, _extras(naming))
            group.notes += [_sentence(video, truth, one) for one in naming.tracks if not one.right]
            record.save()


def name_tracks(video: Path, people: Path, truth: Truth) -> Naming:
    """Track a video with the people of a folder, and judge the names.

    Raises:
        UnavailableError: nobody is enrolled.
    """
    import facewise.video

    enrolled = sorted(folder.name for folder in people.glob("*"))
    if not enrolled:
        raise UnavailableError(f"{people}: nobody is enrolled; make the videos anew")
    with facewise.video.track(video, people=people, cache=False) as tracking:
        tracked = from_frames(tracking, len(truth.frames))
    labels = {track.id: track.label for track in tracking.tracks}
    return judge_names(truth, tracked, enrolled, labels)


def _extras(naming: Naming) -> dict[str, float]:
    tracks = naming.tracks
    return {
        "tracks": len(tracks),
        "right": sum(one.right for one in tracks),
        "wrong": len(naming.wrong),
        "nameless": len(naming.nameless),
        "false_tracks": sum(one.person is None for one in tracks),
        "mixed": len(naming.mixed),
        "split": len(naming.split),
        "changes": naming.most_changes,
        "right_faces": naming.faces[1] / max(naming.faces[0], 1),
    }


def _sentence(video: str, truth: Truth, one: TrackName) -> str:
    who = "nobody" if one.person is None else truth.people[one.person].name
    return f"{video}: track {one.track}, of {who}, is called {one.given or 'by no name'}."
