"""LFW accuracy of an embedder by backend and precision, on the same chips.

    python -m bench.lfw_precision ../shared/data/lfw
    python -m bench.lfw_precision ../shared/data/lfw --model mobilefacenet=FILE --chips chips.npz

Detection is done once, and with `--chips` once for all runs. int8 is calibrated twice: with 300
pictures of LFW that are in none of the protocol's pairs, and with the one face that the package
brings, in variants. `--ranges` adds what the first gave to the file the package brings.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import facewise
from facewise import zoo
from facewise.alignment import crop
from facewise.cli.loading import model_and_weights
from facewise.embedding.proof import proof_chips
from facewise.evaluation.protocols.lfw import read_lfw
from facewise.evaluation.scores import pair_similarity
from facewise.evaluation.verification import verify

if TYPE_CHECKING:
    from numpy.typing import NDArray

RANGES = Path(facewise.__file__).parent / "data" / "int8_ranges.json"
CANDIDATES = (
    ("torch", "float32"),
    ("torch", "bfloat16"),
    ("openvino", "bfloat16"),
)
CALIBRATED = 300


def cut(paths: list[Path], policy: object, size: int) -> NDArray[np.uint8]:
    """The central face of each picture; black where there is none."""
    detector = facewise.load_detector("mtcnn")
    chips = np.zeros((len(paths), size, size, 3), np.uint8)
    for row, path in enumerate(paths):
        image = facewise.load_image(path)
        [faces] = detector.detect(image)
        face = faces.select("most_central", image_size=image.shape[1::-1])
        if len(face):
            chips[row] = crop(image, face, policy)[0]
    return chips


def one_face(policy: object) -> NDArray[np.uint8]:
    """Variants of the bundled face: shifted, mirrored, in other light and contrast."""
    rng = np.random.default_rng(0)
    variants = []
    for chip in proof_chips(policy).repeat(12, axis=0):
        factor, add = rng.uniform(0.4, 1.6), rng.uniform(-60, 60)
        shift = rng.integers(-8, 9, 2)
        variants.append((np.roll(chip, shift, (0, 1)) * factor + add).clip(0, 255))
    return np.array(variants).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("lfw", type=Path, help="folder with lfw-deepfunneled and pairs.txt")
    parser.add_argument("--model", default=facewise.load_embedder().spec.id)
    parser.add_argument("--chips", type=Path, help="keep the chips in this .npz file")
    parser.add_argument("--backends", nargs="+", default=("torch", "openvino", "onnxruntime"))
    parser.add_argument("--ranges", action="store_true", help=f"write to {RANGES.name}")
    arguments = parser.parse_args()
    images = arguments.lfw / "lfw-deepfunneled"
    protocol = read_lfw(arguments.lfw / "pairs.txt", images, 10)
    others = sorted(set(images.rglob("*.jpg")) - set(protocol.images))
    others = others[:: len(others) // CALIBRATED][:CALIBRATED]
    model, weights = model_and_weights(arguments.model)
    spec = zoo.get_spec(model)
    if arguments.chips is not None and arguments.chips.exists():
        with np.load(arguments.chips) as content:
            chips, calibration = content["chips"], content["calibration"]
    else:
        chips, calibration = (
            cut(list(paths), spec.crop, spec.input_size) for paths in (protocol.images, others)
        )
        if arguments.chips is not None:
            np.savez(arguments.chips, chips=chips, calibration=calibration)
    faceless = ~chips.any(axis=(1, 2, 3))
    calibration = calibration[calibration.any(axis=(1, 2, 3))]

    exact: NDArray[np.float32] | None = None
    print("| precision | accuracy | against float32 torch | TAR at FAR 1e-3 | least, mean cosine |")
    print("|---|---|---|---|---|")

    def measure(name: str, backend: str, precision: str, seen: NDArray[np.uint8] | None) -> None:
        nonlocal exact
        embedder = facewise.load_embedder(
            model, weights, backend=backend, precision=precision, calibration=seen
        )
        vectors = embedder.embed(chips, flip=embedder.flip)
        vectors[faceless] = np.nan
        if exact is None:
            exact = vectors
        cosines = (vectors * exact).sum(axis=1)[~faceless]
        result, reference = (
            verify(pair_similarity(v, protocol.pairs), protocol) for v in (vectors, exact)
        )
        points = 100 * (result.accuracy - reference.accuracy)
        print(
            f"| {backend} {name} | {result.accuracy:.4f} | {points:+.2f} points "
            f"| {result.tar(1e-3):.4f} | {cosines.min():.5f}, {cosines.mean():.5f} |",
            flush=True,
        )

    # Ranges are kept in the cache: nobody's own may decide the result, nor this its own later.
    with tempfile.TemporaryDirectory() as cache:
        os.environ["FACEWISE_CACHE"] = cache
        for backend, precision in CANDIDATES:
            if precision == "float32" or backend in arguments.backends:
                measure(precision, backend, precision, None)
        for name, seen in (
            (f"{len(calibration)} faces", calibration),
            ("one", one_face(spec.crop)),
        ):
            for backend in arguments.backends:
                try:
                    measure(f"int8, calibrated on {name}", backend, "int8", seen)
                except facewise.FacewiseError as error:
                    print(f"| {backend} int8, calibrated on {name} | {error} | | | |")
            if arguments.ranges and seen is calibration:
                keep(Path(cache), spec.id)


def keep(cache: Path, model: str) -> None:
    """Add the ranges just measured to those of the package."""
    [path] = (cache / "runtime" / "ranges").glob("*.json")
    where = f"{CALIBRATED} pictures of LFW that are in none of its protocol's pairs"
    known = json.loads(RANGES.read_text(encoding="utf-8"))
    for digest, content in json.loads(path.read_text(encoding="utf-8")).items():
        rounded = {
            name: [float(f"{value:.5g}") for value in limits]
            for name, limits in content["ranges"].items()
        }
        known[digest] = {"model": model, "measured_on": where, "ranges": rounded}
    RANGES.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
