"""LFW accuracy of the bundled embedder by the way its chips are cut.

    python -m bench.lfw_crops ../shared/data/lfw --folds 10

One row for each crop, without and with the mirror image; detection is done once. `template` is
what `bench.dlib_template` gives, the numbers behind it scale it about the middle of the chip.
`two crops` adds the vectors of eye corners and of the template at 0.95, at twice the work.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import facewise
from facewise.alignment import CropPolicy, EyeCornerCrop, FivePointCrop, crop
from facewise.evaluation.lfw import read_lfw
from facewise.evaluation.verification import verify

TEMPLATE = np.array(
    [(41.48, 35.43), (101.34, 35.24), (72.18, 71.64), (45.51, 101.14), (98.38, 101.18)]
)


def scaled(factor: float) -> FivePointCrop:
    points = (TEMPLATE - 75) * factor + 75
    return FivePointCrop(150, tuple((float(x), float(y)) for x, y in points))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("lfw", type=Path, help="folder with lfw-deepfunneled and pairs.txt")
    parser.add_argument("--folds", type=int, default=10)
    arguments = parser.parse_args()
    protocol = read_lfw(
        arguments.lfw / "pairs.txt", arguments.lfw / "lfw-deepfunneled", arguments.folds
    )
    crops: dict[str, CropPolicy] = {"eye corners": EyeCornerCrop(150)}
    crops |= {f"template {factor}": scaled(factor) for factor in (1.05, 1.0, 0.95, 0.9)}
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
        vectors["two crops", flip] = np.add(
            vectors["eye corners", flip], vectors["template 0.95", flip]
        )
        vectors["two crops", flip] /= np.linalg.norm(
            vectors["two crops", flip], axis=1, keepdims=True
        )
    print("| crop | accuracy | with flip | TAR at FAR 1e-3, with flip |\n|---|---|---|---|")
    for name in [*crops, "two crops"]:
        plain, both = (
            verify(protocol.similarity(vectors[name, flip]), protocol) for flip in (False, True)
        )
        tar = both.tar_at_far[1e-3]
        shown = "not measurable" if tar is None else f"{tar:.4f}"
        print(f"| {name} | {plain.accuracy:.4f} | {both.accuracy:.4f} | {shown} |")


if __name__ == "__main__":
    main()
