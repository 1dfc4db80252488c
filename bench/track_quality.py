"""`python -m bench track_quality`: identities kept and faces found, on videos with known truth."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench.contest import UnavailableError
from bench.record import Group, Record
from bench.synthetic_video import make_all
from bench.tracking.figures import Figures, figures, problems
from bench.tracking.scripts import SCRIPTS
from bench.tracking.sheets import draw_problems
from bench.tracking.tracked import write_tracked
from bench.tracking.trackers import TRACKERS
from bench.tracking.truth import Truth, read_truth

REAL = "video"
"""The video of the data folder; its truth is beside this file."""

_TRUTH = Path(__file__).parent / "tracking"
_COLUMNS = ("idf1", "mota", "switches", "switches_per_1000", "misses", "false", "strict_idf1")
_NOTE = (
    "A face counts where half of it or more can be seen; a box for one that can be seen less is "
    "neither right nor wrong, but `strict IDF1` takes it for false."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    videos = [*SCRIPTS, REAL]
    parser.add_argument("--videos", nargs="+", choices=videos, default=videos)
    parser.add_argument("--trackers", nargs="+", choices=TRACKERS, default=list(TRACKERS))
    parser.add_argument("--work", type=Path, help="keep videos and results in this folder")
    parser.add_argument("--sheets", action="store_true", help="draw what went wrong, in --work")


def run(arguments: argparse.Namespace, record: Record) -> None:
    with tempfile.TemporaryDirectory(prefix="facewise-bench-") as temporary:
        if arguments.quick:  # never beside whole videos
            arguments.videos, arguments.trackers = ["walkers"], ["plain", "adaptive"]
            arguments.work = None
        _measure(arguments, record, arguments.work or Path(temporary))


def _measure(arguments: argparse.Namespace, record: Record, work: Path) -> None:
    synthetic = [name for name in arguments.videos if name != REAL]
    make_all(work, arguments.shared, synthetic, limit=30 if arguments.quick else None)
    for video in arguments.videos:
        path, truth = video_and_truth(video, arguments.shared, work)
        group = Group(
            f"{video}: {len(truth.frames)} frames, {len(truth.people)} people, "
            f"{truth.counted:,} faces",
            unit="",
            reference="",
            columns=_COLUMNS,
            notes=[_NOTE],
        )
        record.groups.append(group)
        for tracker in arguments.trackers:
            title, track = TRACKERS[tracker]
            tracked = track(path, len(truth.frames))
            write_tracked(tracked, work / f"{video}.{tracker}.result.txt")
            found = figures(truth, tracked)
            group.note(title, _extras(found, figures(truth, tracked, strict=True)))
            record.save()
            if arguments.sheets:
                draw_problems(path, truth, tracked, problems(truth, tracked), work, tracker)


def video_and_truth(name: str, shared: Path, work: Path) -> tuple[Path, Truth]:
    """A video and its truth.

    Raises:
        UnavailableError: the real one is not in the data folder.
    """
    if name != REAL:
        return work / f"{name}.mp4", read_truth(work, name)
    path = shared / "data/photos/video.mp4"
    if not path.exists():
        raise UnavailableError(f"{path}: no such video; see --shared")
    return path, read_truth(_TRUTH, name)


def _extras(found: Figures, strict: Figures) -> dict[str, float]:
    columns = ("idf1", "mota", "switches", "switches_per_1000", "misses", "false")
    return {name: getattr(found, name) for name in columns} | {"strict_idf1": strict.idf1}
