"""What rejecting faces of low quality does to the error on LFW; for docs/results/quality.md.

    python -m bench.quality ../shared --plot docs/results/quality.svg

LFW's 6,000 pairs with both models: the error of the ten-fold protocol with all pairs, and without
those whose worse face is among the worst part by quality (`facewise.quality`). `by chance` rejects
without looking, and is what quality has to beat.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import facewise
from facewise.errors import ImageError
from facewise.evaluation.protocols.lfw import read_lfw
from facewise.evaluation.protocols.pairs import PairProtocol
from facewise.pipeline import Pipeline
from facewise.quality import assess
from facewise.quality.norms import norm_part
from facewise.result_cache import ResultCache

PARTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
_SHOWN = (0.0, 0.1, 0.2, 0.3, 0.5)
_CHANCES = 20  # of `by chance`
_MODELS = ("dlib_resnet29.dlib", "weights/mobilefacenet-ms1m-128d.pt")

Floats = NDArray[np.float64]


class Measured(NamedTuple):
    """Of every image: its vector, and its quality by each way to tell it."""

    vectors: Floats
    worths: dict[str, Floats]


def measure(protocol: PairProtocol, embedder: facewise.embedding.Embedder) -> Measured:
    """The most central face of every image; one without is NaN, and worth nothing."""
    count = len(protocol.images)
    vectors = np.full((count, embedder.spec.embedding_size or 0), np.nan)
    worths: dict[str, Floats] = {}
    with ResultCache() as cache:
        results = Pipeline(facewise.load_detector(), embedder, cache).run_each(protocol.images)
        for i, found in enumerate(results):
            if isinstance(found, ImageError) or not len(found.faces):
                continue
            face = int(found.faces.order("most_central", image_size=found.image_size)[0])
            image = facewise.load_image(protocol.images[i])
            norm = norm_part(image, found.faces, embedder)
            quality = assess(image, found.faces, norm=norm)
            shares = {"all parts": quality.total, **quality.parts}
            if norm is not None:
                plain = np.prod([p for n, p in quality.parts.items() if n != "norm"], axis=0)
                shares["all but norm"] = plain
            vectors[i] = found.embeddings[face]
            for name, share in shares.items():
                worths.setdefault(name, np.zeros(count))[i] = share[face]
    return Measured(vectors, worths)


def error(similarity: Floats, protocol: PairProtocol, kept: NDArray[np.bool_]) -> float:
    """Of the pairs that are kept, the part decided wrongly, each fold by the others' threshold."""
    wrong = 0
    for fold in range(protocol.fold_count):
        others, own = kept & (protocol.folds != fold), kept & (protocol.folds == fold)
        threshold = best_threshold(similarity[others], protocol.same[others])
        wrong += int(((similarity[own] >= threshold) != protocol.same[own]).sum())
    return wrong / int(kept.sum())


def best_threshold(similarity: Floats, same: NDArray[np.bool_]) -> float:
    order = np.argsort(-similarity, kind="stable")
    right = np.cumsum(np.where(same[order], 1, -1))
    best = int(right.argmax())
    pair = similarity[order][best : best + 2]
    return float(pair.mean())


def curve(similarity: Floats, protocol: PairProtocol, worth: Floats) -> list[float]:
    """The error without the worst parts of the pairs, `PARTS`."""
    of_pairs = worth[protocol.pairs].min(axis=1)
    order = np.argsort(of_pairs, kind="stable")
    errors = []
    for part in PARTS:
        kept = np.ones(len(order), bool)
        kept[order[: round(part * len(order))]] = False
        errors.append(error(similarity, protocol, kept))
    return errors


def curves(protocol: PairProtocol, found: Measured) -> dict[str, list[float]]:
    one, other = found.vectors[protocol.pairs[:, 0]], found.vectors[protocol.pairs[:, 1]]
    similarity = np.nan_to_num((one * other).sum(axis=1), nan=-1.0)
    drawn = {name: curve(similarity, protocol, worth) for name, worth in found.worths.items()}
    rng = np.random.default_rng(8)
    chances = [curve(similarity, protocol, rng.random(len(found.vectors))) for _ in range(_CHANCES)]
    return drawn | {"by chance": np.mean(chances, axis=0).tolist()}


def tell(title: str, drawn: Mapping[str, Sequence[float]]) -> None:
    heads = " | ".join(f"{part:.0%} rejected" if part else "all pairs" for part in _SHOWN)
    print(f"\n| {title} | {heads} |\n|---|{'--:|' * len(_SHOWN)}")
    for name, errors in drawn.items():
        cells = " | ".join(f"{errors[PARTS.index(part)]:.2%}" for part in _SHOWN)
        print(f"| {name} | {cells} |")


def plot(everything: Mapping[str, Mapping[str, Sequence[float]]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, len(everything), sharey=True, squeeze=False)[0]
    for axes, (title, drawn) in zip(panels, everything.items(), strict=True):
        for name, colour in (
            ("all parts", "#0072B2"),
            ("all but norm", "#56B4E9"),
            ("sharpness", "#E69F00"),
            ("score", "#009E73"),
            ("by chance", "#4D4D4D"),
        ):
            if name in drawn:
                style = "--" if name == "by chance" else "-"
                values = [100 * value for value in drawn[name]]
                axes.plot([100 * p for p in PARTS], values, style, color=colour, label=name)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("pairs rejected, %")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("error of the rest, %")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("shared", type=Path, help="the shared data folder")
    parser.add_argument("--folds", type=int, help="only the first so many")
    parser.add_argument("--plot", type=Path, help="draw the curves there, .png or .svg")
    arguments = parser.parse_args()
    lfw = arguments.shared / "data/lfw"
    protocol = read_lfw(lfw / "pairs.txt", lfw / "lfw-deepfunneled", arguments.folds)
    everything = {}
    for model in _MODELS:
        given = arguments.shared / model if "/" in model else None
        name = "mobilefacenet" if given else model
        embedder = facewise.load_embedder(name, given, precision="float32", backend="torch")
        everything[embedder.spec.id] = curves(protocol, measure(protocol, embedder))
        tell(embedder.spec.id, everything[embedder.spec.id])
    if arguments.plot:
        plot(everything, arguments.plot)


if __name__ == "__main__":
    main()
