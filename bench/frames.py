"""`python -m bench frames`: frames of a video, decoded and made ready, beside plain loops."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import cv2

from bench.contest import Contender, Timed
from bench.hold import hold
from bench.record import Group, Record

_ROWS = 270
_NUMBER = 105
_PLAIN = "PyAV"

WANTED = {
    "decoded": "frames decoded, and no more",
    "rgb": "RGB of every frame",
    "gray": f"gray of {_ROWS} rows of every frame",
    "both": f"gray of {_ROWS} rows of every frame, RGB of every tenth",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--video", type=Path, help="by default video.mp4 of the data folder")


def run(arguments: argparse.Namespace, record: Record) -> None:
    rounds, number = arguments.rounds or 9, _NUMBER
    if arguments.quick:
        rounds, number = 2, 10
    video = arguments.video or arguments.shared / "data/photos/video.mp4"
    record.settings = {"rounds": rounds, "frames": number, "video": video.name}
    for wanted, title in WANTED.items():
        group = Group(title, unit="frame", reference=_PLAIN)
        contenders = [
            Contender(name, "", name, partial(read, str(video), wanted))
            for name, read in READERS.items()
        ]
        hold(group, contenders, [range(number)] * rounds, record, Judge())


def plain(video: str, wanted: str, items: Sequence[int]) -> int:
    """As PyAV's documentation does it, with threads."""
    import av

    number = 0
    with av.open(video) as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in islice(container.decode(video=0), len(items)):
            if wanted == "rgb" or (wanted == "both" and number % 10 == 0):
                frame.to_ndarray(format="rgb24")
            if wanted in {"gray", "both"}:
                columns = round(frame.width * _ROWS / frame.height)
                frame.reformat(columns, _ROWS, "gray").to_ndarray()
            number += 1
    return number


def opencv(video: str, wanted: str, items: Sequence[int]) -> int:
    """OpenCV gives BGR always."""
    capture, number = cv2.VideoCapture(video), 0
    while number < len(items):
        read, frame = capture.read()
        if not read:
            break
        if wanted == "rgb" or (wanted == "both" and number % 10 == 0):
            cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        if wanted in {"gray", "both"}:
            gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
            columns = round(gray.shape[1] * _ROWS / gray.shape[0])
            cv2.resize(gray, (columns, _ROWS), interpolation=cv2.INTER_AREA)
        number += 1
    capture.release()
    return number


def ours(video: str, wanted: str, items: Sequence[int]) -> int:
    from facewise.video import open_source

    number = 0
    with open_source(video) as source:
        for frame in islice(source, len(items)):
            if wanted == "rgb" or (wanted == "both" and number % 10 == 0):
                len(frame.image)  # made now
            if wanted in {"gray", "both"}:
                frame.gray(_ROWS)
            number += 1
    return number


READERS: Mapping[str, Callable[..., int]] = {_PLAIN: plain, "OpenCV": opencv, "facewise": ours}


class Judge:
    """Everyone must have read all frames."""

    def see(self, timed: Timed) -> None:
        if timed.output != len(timed.items):
            raise ValueError(f"{timed.contender.name}: {timed.output} of {len(timed.items)} frames")

    def extras(self, name: str) -> Mapping[str, float | None]:  # noqa: ARG002 - nothing to add
        return {}
