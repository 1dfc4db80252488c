"""Derive a five-point template for dlib's 150×150 chip from measured landmarks.

    python -m bench.dlib_template ../shared/data/lfw --detector mtcnn

dlib aligns by the corners of the eyes and the base of the nose; detectors give pupils, nose and
corners of the mouth. So: find the detector's landmarks in pictures, carry them along with the
transform that cuts dlib's chip of the same face, and take the median of where they fall. The
pictures are those of LFW's View 1 (`peopleDevTrain.txt`), which is meant for such choices.

The result is a `FivePointCrop(150, template)`, for embedding dlib's chips without its shape
predictor; `--scale` shrinks it about the middle of the chip, which shows more of the head.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import facewise
from facewise.alignment import EyeCornerCrop, similarity_transforms
from facewise.alignment.policies import eye_corner_template, eye_corners


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "lfw", type=Path, help="folder with lfw-deepfunneled and peopleDevTrain.txt"
    )
    parser.add_argument("--detector", default="mtcnn")
    parser.add_argument("--scale", type=float, default=1.0)
    arguments = parser.parse_args()
    lines = (arguments.lfw / "peopleDevTrain.txt").read_text().splitlines()[1:]
    names = [line.split("\t")[0] for line in lines]
    template = eye_corner_template(EyeCornerCrop(150))
    detector = facewise.load_detector(arguments.detector)
    points = []
    for name in names:
        path = arguments.lfw / "lfw-deepfunneled" / name / f"{name}_0001.jpg"
        image = facewise.load_image(path)
        [faces] = detector.detect(image)
        face = faces.select("most_central", image_size=image.shape[1::-1])
        if len(face):
            matrices = similarity_transforms(eye_corners(image, face.landmarks), template)
            points.append(face.landmarks[0] @ matrices[0, :, :2].T + matrices[0, :, 2])
    median = np.median(points, axis=0)
    scaled = (median - 75) * arguments.scale + 75
    print(f"{len(points)} faces of {len(names)} pictures")
    print(tuple(tuple(round(float(v), 2) for v in point) for point in scaled))


if __name__ == "__main__":
    main()
