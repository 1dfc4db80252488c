"""`python -m bench track`: seconds for a frame of a video, from the file to tracked faces."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import facewise
import facewise.video
from bench import peers
from bench.contest import Contender
from bench.hold import Builders, hold, let_in
from bench.record import Group, Record
from bench.track_quality import REAL, video_and_truth
from bench.tracking.covering import Boxes, Judge
from bench.tracking.looping import looped
from bench.tracking.plain import exact_faces
from bench.tracking.strided import EveryFrame, FastMtcnn
from facewise.detection import Detector
from facewise.pipeline import Pipeline
from facewise.recognition import People, load_people
from facewise.video import open_source
from facewise.video.tracking import EveryNth, Schedule, Tracker

_COLUMNS = ("against_mtcnn", "against_fast", "covered", "covered_all", "others")
_NOTES = (
    "Everything is timed, from opening the file on; the models are loaded before.",
    "Covered: faces that facewise's exact mode finds on each frame and that have a box of their "  # noqa: ISC004
    "own at an intersection over union of 0.5 and more. Of all its boxes: also of those that are "
    "no face by the truth, which was checked by eye. Others: boxes for which exact has none.",
)
MTCNN, FAST = EveryFrame.name, FastMtcnn.title(1.0)
_OURS = "facewise"

Track = Callable[[Path, int], list[Boxes]]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--frames", type=int, help="of the video; by default all")
    parser.add_argument("--loops", type=int, default=10, help="times it is shown in the longer one")
    parser.add_argument("--work", type=Path, help="keep exact detections in this folder")
    parser.add_argument("--ours", action="store_true", help="time facewise and FastMTCNN only")
    parser.add_argument("--people", type=Path, help="folder of people who are recognised")


def run(arguments: argparse.Namespace, record: Record) -> None:
    peers.facenet_pytorch()
    with tempfile.TemporaryDirectory(prefix="facewise-bench-") as temporary:
        _measure(arguments, record, Path(temporary))


def _measure(arguments: argparse.Namespace, record: Record, temporary: Path) -> None:
    work = arguments.work or temporary
    video, truth = video_and_truth(REAL, arguments.shared, work)
    rounds, loops = arguments.rounds or 5, arguments.loops
    count = arguments.frames or len(truth.frames)
    if arguments.quick:
        rounds, count = 1, 12
    if count < len(truth.frames):
        loops = 0
    record.settings = {"rounds": rounds, "frames": count, "loops": loops}
    exact = _exact(video, count, None if arguments.quick else work / f"{REAL}.exact.json")
    people = arguments.people or arguments.shared / "data/photos/people"
    longer = temporary / f"looped{video.suffix}"
    for path, shown in ((video, 1), (longer, loops)):
        if shown == 0:
            continue
        if shown > 1:
            looped(video, shown, longer)
        builders = {**_theirs(path, count, fast=arguments.ours), **_ours(path, people)}
        names = {"against_mtcnn": MTCNN, "against_fast": FAST}
        group = Group(
            f"{path.name}, {count * shown} frames",
            unit="frame",
            reference=FAST,
            columns=_COLUMNS,
            notes=_NOTES,
        )
        judge = Judge(exact * shown, truth, names)
        frames = [range(count * shown)] * rounds
        hold(group, let_in(builders, record), frames, record, judge)


def _exact(video: Path, count: int, cache: Path | None) -> list[Boxes]:
    """What exact detection finds on each of the first so many frames."""
    detector = facewise.load_detector("mtcnn")
    if cache is not None:
        return [faces.boxes for faces in exact_faces(video, detector, cache)[:count]]
    with open_source(video) as source:
        return [detector.detect([frame.image])[0].boxes for frame in islice(source, count)]


def _theirs(video: Path, count: int, *, fast: bool) -> Builders:
    """facenet-pytorch's ways, on the first so many frames at most.

    Args:
        video: a file.
        count: see above: a frame takes them the same time wherever it is.
        fast: only the reference, which is FastMTCNN.
    """

    def build(make: Callable[[], EveryFrame | FastMtcnn]) -> list[Contender]:
        peer = make()
        return [
            Contender(peer.name, "", "facenet-pytorch", partial(_run, peer, video), limit=count)
        ]

    makers: dict[str, Callable[[], EveryFrame | FastMtcnn]] = {MTCNN: EveryFrame}
    makers |= {FastMtcnn.title(resize): partial(FastMtcnn, resize) for resize in (1.0, 0.5)}
    if fast:
        makers = {FAST: makers[FAST]}
    return {name: partial(build, make) for name, make in makers.items()}


def _ours(video: Path, people: Path) -> Builders:
    """facewise's ways; the last one names the people of a folder."""
    detector = facewise.load_detector("mtcnn")

    def followed(schedule: Schedule | None, video: Path, count: int) -> list[Boxes]:
        with open_source(video) as source:
            tracker = Tracker(detector, schedule)
            return [one.faces.boxes for one in tracker.run(islice(source, count))]

    def named(people: People, video: Path, count: int) -> list[Boxes]:
        tracking = facewise.video.track(video, people=people, detector=detector)
        with tracking:
            return [one.faces.boxes for one in islice(tracking, count)]

    def build(name: str, variant: str, make: Callable[[], Track]) -> list[Contender]:
        return [Contender(name, variant, name, partial(_run, make(), video))]

    tracking = f"{_OURS} track"
    return {
        tracking: partial(build, tracking, "", lambda: partial(followed, None)),
        f"{tracking}, names": partial(
            build, tracking, "with names", lambda: partial(named, _known(people, detector))
        ),
        f"{_OURS} every 4th": partial(
            build, f"{_OURS}, every 4th frame, held", "", lambda: partial(followed, EveryNth(4))
        ),
    }


def _known(folder: Path, detector: Detector) -> People:
    return load_people(folder, Pipeline(detector, facewise.load_embedder()))


def _run(track: Track, video: Path, items: Sequence[int]) -> list[Boxes]:
    return track(video, len(items))
