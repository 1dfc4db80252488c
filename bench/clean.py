"""Dirt found in folders of people, for docs/results/curation.md.

    python -m bench.clean ../shared --seeds 5

LFW's people with ten pictures or more, one folder each. Into each folder faces of others are mixed,
pictures that are taken from all of LFW and missing where they were; then they are looked for, by
the predecessor's settings and by ours. Precision and recall of what is rejected, means over the
seeds, with the least in brackets.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import facewise
from facewise.curation.cleaning import judge, outside_the_largest, strangers_of
from facewise.errors import ImageError
from facewise.pipeline import Pipeline
from facewise.quality.pose import ahead
from facewise.result_cache import ResultCache
from facewise.zoo import ModelSpec

SHARES = (0.05, 0.1, 0.2, 0.3)
PICTURES = (10, 10_000)
"""Of the people who have folders, at least and at most."""

_TURNED = 0.1  # as `facewise.curation.cleaning.verdicts`
METHODS = ("predecessor's", "predecessor's, 0.1", "ours")
"""With its distance threshold of 0.7, and with one that fits the bundled model; and by `judge`."""

_MODELS = ("dlib_resnet29.dlib", "weights/mobilefacenet-ms1m-128d.pt")

WRONG = (
    "George_W_Bush_0022",  # the right man, but the box is half on a face behind him
    "Mahmoud_Abbas_0012",  # another man
    "Michael_Schumacher_0008",  # nearest to the folder of Rubens Barrichello
    "Recep_Tayyip_Erdogan_0004",  # nearest to the folder of Abdullah Gül
)
"""Faces of LFW itself that are not their folder's person; of 17 that were rejected without anything
mixed in, and looked at."""


class Photos(NamedTuple):
    """The most central face of each picture that shows one."""

    names: NDArray[np.str_]
    people: NDArray[np.str_]
    vectors: NDArray[np.float32]
    pose: NDArray[np.float32]


class Mixed(NamedTuple):
    """Folders with dirt: numbers of pictures, of folders, and which are dirt."""

    pictures: NDArray[np.intp]
    folders: NDArray[np.intp]
    dirt: NDArray[np.bool_]


def read(paths: Sequence[Path], embedder: facewise.embedding.Embedder) -> Photos:
    names, people, vectors, pose = [], [], [], []
    with ResultCache() as cache:
        pipeline = Pipeline(facewise.load_detector(), embedder, cache)
        for path, found in zip(paths, pipeline.run_each(paths), strict=True):
            if isinstance(found, ImageError) or not len(found.faces):
                continue
            face = int(found.faces.order("most_central", image_size=found.image_size)[0])
            names.append(path.stem)
            people.append(path.parent.name)
            vectors.append(found.embeddings[face])
            pose.append(ahead(found.faces.landmarks[face][None])[0])
    return Photos(np.array(names), np.array(people), np.stack(vectors), np.array(pose))


def mix(
    people: NDArray[np.str_], share: float, seed: int, pictures_each: tuple[int, int] = PICTURES
) -> Mixed:
    """Folders of the people with many pictures, that share of each being pictures of others."""
    rng = np.random.default_rng([seed, round(1000 * share)])
    names, counts = np.unique(people, return_counts=True)
    least, most = pictures_each
    known = names[(counts >= least) & (counts <= most)].tolist()
    content = {name: np.flatnonzero(people == name).tolist() for name in known}
    wanted = {}
    for name in known:
        exact = len(content[name]) * share / (1 - share)
        wanted[name] = int(exact) + int(rng.random() < exact % 1)
    pool = rng.permutation(len(people)).tolist()
    for name in known:
        passed = []
        while wanted[name]:
            picture = pool.pop()
            home = content.get(people[picture], [])
            if people[picture] == name or (picture in home and len(home) <= least):
                passed.append(picture)
                continue
            if picture in home:
                home.remove(picture)
            content[name].append(picture)
            wanted[name] -= 1
        pool = passed + pool
    pictures = np.array([picture for name in known for picture in content[name]])
    folders = np.repeat(np.arange(len(known)), [len(content[name]) for name in known])
    return Mixed(pictures, folders, people[pictures] != np.array(known)[folders])


def rejected(photos: Photos, mixed: Mixed, spec: ModelSpec, method: str) -> NDArray[np.bool_]:
    vectors = photos.vectors[mixed.pictures]
    if method != "ours":
        distance = 0.1 if method.endswith("0.1") else 0.7
        return outside_the_largest(vectors, mixed.folders, distance_threshold=distance)
    judged = judge(vectors, mixed.folders, strangers_of(spec))
    away = (photos.pose[mixed.pictures] < _TURNED) & (judged.other < 0) & ~judged.undecided
    return judged.rejected & ~away


def figures(gone: NDArray[np.bool_], dirt: NDArray[np.bool_]) -> tuple[float, float]:
    """Precision and recall; a precision of what rejects nothing is NaN."""
    right = float((gone & dirt).sum())
    return right / gone.sum() if gone.any() else np.nan, right / dirt.sum()


def told(values: Sequence[float]) -> str:
    if np.isnan(values).any():
        return "–"
    return f"{np.mean(values):.3f} ({min(values):.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("shared", type=Path, help="the shared data folder")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--pictures",
        type=int,
        nargs=2,
        default=PICTURES,
        metavar=("LEAST", "MOST"),
        help="of the people who have folders; 5 9 are people on whom nothing was chosen",
    )
    arguments = parser.parse_args()
    paths = sorted((arguments.shared / "data/lfw/lfw-deepfunneled").glob("*/*.jpg"))
    print("| model | mixed in | method | precision | recall | precision, LFW's own errors known |")
    print("|---|--:|---|--:|--:|--:|")
    for model in _MODELS:
        given = arguments.shared / model if "/" in model else None
        name = "mobilefacenet" if given else model
        embedder = facewise.load_embedder(name, given, precision="float32", backend="torch")
        photos = read(paths, embedder)
        for share in SHARES:
            for method in METHODS:
                plain, known = [], []
                for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
                    mixed = mix(photos.people, share, seed, tuple(arguments.pictures))
                    gone = rejected(photos, mixed, embedder.spec, method)
                    wrong = np.isin(photos.names[mixed.pictures], WRONG)
                    plain.append(figures(gone, mixed.dirt))
                    known.append(figures(gone, mixed.dirt | wrong)[0])
                precision, recall = zip(*plain, strict=True)
                cells = f"{told(precision)} | {told(recall)} | {told(known)}"
                print(f"| `{embedder.spec.id}` | {share:.0%} | {method} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
