"""LFW accuracy of the bundled embedder by the way its chips are cut.

    python -m bench.lfw_crops ../shared/data/lfw
    python -m bench.lfw_crops ../shared/data/lfw --template first --scales 1.05 1 0.95 0.9

One row for each crop, without and with the mirror image; detection is done once. The template
`derived` is what `bench.dlib_template` gives, `first` that of the project's first tries; scales are
about the middle of the chip. `two crops` adds the vectors of the eye corners and of the template at
the last but one scale, at twice the work.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import facewise
from facewise.alignment import (
    DLIB_150,
    CropPolicy,
    EyeCornerCrop,
    FivePointCrop,
    FivePoints,
    crop,
)
from facewise.evaluation.protocols.lfw import read_lfw
from facewise.evaluation.scores import pair_similarity
from facewise.evaluation.verification import verify

TEMPLATES = {
    "derived": DLIB_150,
    "first": ((41.48, 35.43), (101.34, 35.24), (72.18, 71.64), (45.51, 101.14), (98.38, 101.18)),
}


def scaled(template: FivePoints, factor: float) -> FivePointCrop:
    points = (np.array(template) - 75) * factor + 75
    return FivePointCrop(150, tuple((float(x), float(y)) for x, y in points))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("lfw", type=Path, help="folder with lfw-deepfunneled and pairs.txt")
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--template", choices=TEMPLATES, default="derived")
    parser.add_argument("--scales", type=float, nargs="+", default=[1.0, 0.95])
    arguments = parser.parse_args()
    protocol = read_lfw(
        arguments.lfw / "pairs.txt", arguments.lfw / "lfw-deepfunneled", arguments.folds
    )
    crops: dict[str, CropPolicy] = {"eye corners": EyeCornerCrop(150)}
    template = TEMPLATES[arguments.template]
    scales = {
        f"{arguments.template} template, {s:g}": scaled(template, s) for s in arguments.scales
    }
    crops |= scales
    second = list(scales)[-2:][0]
    detector, embedder = facewise.load_detector("mtcnn"), facewise.load_embedder()
    vectors = {
        (name, flip): np.full((len(protocol.images), 128), np.nan, np.float32)
        for name in crops
        for flip in (False, True)
    }
    for row, path in enumerate(protocol.images):
        image = facewise.load_image(path)
        [faces] = detector.detect(image)
        face = faces.select("most_central", image_size=image.shape[1::-1])
        if not len(face):
            continue
        for name, policy in crops.items():
            chips = crop(image, face, policy)
            for flip in (False, True):
                vectors[name, flip][row] = embedder.embed(chips, flip=flip)[0]
    for flip in (False, True):
        vectors["two crops", flip] = np.add(vectors["eye corners", flip], vectors[second, flip])
        vectors["two crops", flip] /= np.linalg.norm(
            vectors["two crops", flip], axis=1, keepdims=True
        )
    print("| crop | accuracy | with flip | TAR at FAR 1e-3, with flip |\n|---|---|---|---|")
    for name in [*crops, "two crops"]:
        plain, both = (
            verify(pair_similarity(vectors[name, flip], protocol.pairs), protocol)
            for flip in (False, True)
        )
        tar = both.tar(1e-3)
        shown = "not measurable" if tar is None else f"{tar:.4f}"
        print(f"| {name} | {plain.accuracy:.4f} | {both.accuracy:.4f} | {shown} |")


if __name__ == "__main__":
    main()
