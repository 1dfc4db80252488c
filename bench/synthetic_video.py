"""Videos whose truth is known, made of LFW's heads and real backgrounds, the same every time.

    python -m bench.synthetic_video FOLDER

makes all of them: for each NAME.mp4, NAME.txt and NAME.people.csv (see `bench.tracking.truth`), and
`people/`, pictures of those who are enrolled. Nothing of it may be distributed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from bench.tracking.cast import Person, choose_cast
from bench.tracking.rendering import render
from bench.tracking.scene import Script
from bench.tracking.scripts import SCRIPTS
from bench.tracking.truth import Named, Seen, Truth, write_truth
from facewise.video import VideoWriter

_SHARED = Path(os.environ.get("FACEWISE_SHARED", Path(__file__).parents[2] / "shared"))


def make(script: Script, folder: Path, cast: Sequence[Person], limit: int | None = None) -> Truth:
    """Write a video, or its first frames, with its truth; the truth is written last."""
    frames: list[list[Seen]] = []
    options = {"crf": str(script.quality), "preset": "veryfast", "threads": "2"}
    with VideoWriter(folder / f"{script.name}.mp4", rate=script.rate, options=options) as writer:
        for number, (picture, seen) in enumerate(islice(render(script), limit)):
            writer.write(picture, number / script.rate)
            frames.append(seen)
    there = {seen.person for faces in frames for seen in faces}
    people = {p.number: Named(p.name, p.enrolled) for p in cast if p.number in there}
    truth = Truth(script.width, script.height, frames, people)
    write_truth(truth, folder, script.name)
    return truth


def enrol(cast: Sequence[Person], folder: Path) -> None:
    """A folder of pictures for each person who is known, none of them seen in a video."""
    for person in cast:
        for path in person.portraits:
            target = folder / person.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def make_all(
    folder: Path, shared: Path, names: Sequence[str] = tuple(SCRIPTS), limit: int | None = None
) -> None:
    """Make those that are not there yet, whole or so many frames of each.

    Raises:
        UnavailableError: the data folder has not what they are made of.
    """
    missing = [name for name in names if not (folder / f"{name}.people.csv").exists()]
    if not missing:
        return
    folder.mkdir(parents=True, exist_ok=True)
    cast = choose_cast(shared / "data/lfw/lfw-deepfunneled")
    enrol(cast, folder / "people")
    for name in missing:
        start = time.perf_counter()
        truth = make(SCRIPTS[name](cast, shared), folder, cast, limit)
        seconds = time.perf_counter() - start
        faces = f"{len(truth.frames)} frames, {truth.counted} faces"
        print(f"{name}: {faces}, made in {seconds:.0f} s", file=sys.stderr)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shared", type=Path, default=_SHARED, help="the data folder")
    parser.add_argument("--videos", nargs="+", choices=list(SCRIPTS), default=list(SCRIPTS))
    arguments = parser.parse_args()
    make_all(arguments.folder, arguments.shared, arguments.videos)
    return 0


if __name__ == "__main__":
    sys.exit(main())
