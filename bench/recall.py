"""What MTCNN's fast mode finds of what its exact mode finds, and how well.

    python -m bench.recall ../shared/data --precision int8

The pictures: all frames of `video.mp4` at two factors of the pyramid, `multiface.jpg`, all of
`lfw-landmarks`, and LFW's own of the same people, of whom the sieve was not taught. A face counts
as found from an overlap of 0.4 on; the overlap is the mean over those. The landmark error is
`bench.landmarks`' for both modes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import facewise
from bench.inputs import read_video
from bench.landmarks import measure
from bench.overlap import agreement


def of_the_same_people(data: Path) -> list[Path]:
    """Every tenth picture of LFW of people in `lfw-landmarks`."""
    known = (data / "lfw-landmarks/landmarks.csv").read_text(encoding="utf-8")
    found = sorted((data / "lfw/lfw-deepfunneled").glob("*/*.jpg"))
    return [path for path in found if path.parent.name in known][::10]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--precision", default="auto")
    arguments = parser.parse_args()
    fast = {"mode": "fast", "backend": arguments.backend, "precision": arguments.precision}
    video = read_video(arguments.data / "photos/video.mp4")
    landmarks = arguments.data / "lfw-landmarks"
    pictures: list[tuple[str, float, Sequence[Any]]] = [
        ("video.mp4, factor 0.5", 0.5, video),
        ("video.mp4, factor 0.709", 0.709, video),
        ("multiface.jpg", 0.709, [arguments.data / "photos/multiface.jpg"]),
        ("lfw-landmarks", 0.709, sorted(landmarks.rglob("*.jpg"))),
        ("LFW", 0.709, of_the_same_people(arguments.data)),
    ]
    print("| pictures | faces of exact | found by fast | mean overlap | others |")
    print("|---|--:|--:|--:|--:|")
    for name, factor, images in pictures:
        found, truth = (
            facewise.load_detector("mtcnn", factor=factor, **options).detect(images)
            for options in (fast, {"mode": "exact"})
        )
        result = agreement([f.boxes for f in found], [f.boxes for f in truth])
        count = sum(map(len, truth))
        print(
            f"| {name} ({len(images)}) | {count} | {result.recall:.2%} | {result.iou:.4f} "
            f"| {round(result.others * len(images))} |",
            flush=True,
        )
    for options in ({"mode": "exact"}, fast):
        figures = measure(landmarks, facewise.load_detector("mtcnn", **options))
        print(
            f"\n{options['mode']}: {figures['found']} of {figures['pictures']} faces of "
            f"lfw-landmarks, landmark error {figures['mean_error']:.2%}"
        )


if __name__ == "__main__":
    main()
