"""Faces found and landmark error of detectors, on pictures with hand-marked landmarks.

    python -m bench.landmarks ../shared/data/lfw-landmarks --detector mtcnn --detector scrfd_500m \
        --weights scrfd_500m=../shared/weights/scrfd_500m_bnkps.onnx

The folder holds `landmarks.csv` (image, box, five points) and `images/`. A face counts as found
when a detected box covers the middle of the hand-marked one; of several the nearest counts. The
error of a picture is the mean distance of the five points over the distance of the eyes.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np

import facewise
from facewise.detection import Detector


def measure(folder: Path, detector: Detector) -> dict[str, float]:
    """Counts and errors of one detector."""
    with (folder / "landmarks.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    errors = []
    for row in rows:
        numbers = np.array(row[1:], float)
        centre, marked = numbers[:4].reshape(2, 2).mean(axis=0), numbers[4:].reshape(5, 2)
        [faces] = detector.detect([folder / "images" / row[0]])
        covers = (faces.boxes[:, :2] <= centre).all(1) & (faces.boxes[:, 2:] >= centre).all(1)
        faces = faces[covers]
        if not len(faces):
            continue
        middles = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
        face = faces[int(np.abs(middles - centre).sum(axis=1).argmin())]
        assert face.landmarks is not None
        distance = np.linalg.norm(face.landmarks[0] - marked, axis=1).mean()
        errors.append(distance / np.linalg.norm(marked[1] - marked[0]))
    return {
        "pictures": len(rows),
        "found": len(errors),
        "mean_error": float(np.mean(errors)),
        "p95_error": float(np.percentile(errors, 95)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--detector", action="append", default=[])
    parser.add_argument("--weights", action="append", default=[], metavar="DETECTOR=FILE")
    parser.add_argument("--min-score", type=float, help="of SCRFD, instead of its default")
    arguments = parser.parse_args()
    files = dict(pair.split("=", 1) for pair in arguments.weights)
    for name in arguments.detector or ["mtcnn"]:
        options = {}
        if arguments.min_score is not None and name.startswith("scrfd"):
            options["min_score"] = arguments.min_score
        detector = facewise.load_detector(name, weights=files.get(name), **options)
        print(json.dumps({"detector": name, **measure(arguments.folder, detector)}))


if __name__ == "__main__":
    main()
