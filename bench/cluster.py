"""`python -m bench cluster`: sort LFW's people without their names, and a million faces."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from bench import cluster_poor
from bench.contest import UnavailableError
from bench.memory import resident
from bench.record import Group, Record
from facewise.curation.clustering.limits import Limits, limits_for
from facewise.curation.clustering.methods import Method, clustered
from facewise.curation.clustering.neighbours import neighbours
from facewise.evaluation.metrics.clustering import bcubed, pairwise

PARTS = ("lfw", "incremental", "poor", "scale")
SIZES = (100_000, 1_000_000)
_MODELS = ("dlib_resnet29.dlib", "weights/mobilefacenet-ms1m-128d.pt")
_COLUMNS = [
    "bcubed",
    "bcubed_p",
    "bcubed_r",
    "pairwise",
    "clusters",
    "several",
    "took",
    "cpu",
    "peak",
]
_BATCHES = 10
_SHORT = 2  # images that a person has at least, for the collection without strangers


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="faces of `scale`")
    parser.add_argument("--methods", nargs="+", default=get_args(Method), choices=get_args(Method))
    parser.add_argument("--work", type=Path, help="keep vectors there")


def run(arguments: argparse.Namespace, record: Record) -> None:
    with tempfile.TemporaryDirectory() as folder:
        work = arguments.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        if {"lfw", "incremental"} & set(arguments.parts):
            for model in _MODELS:
                _lfw(arguments, work, model, record)
        if "poor" in arguments.parts:
            for model in _MODELS:
                cluster_poor.measure(arguments, model, record)
        if "scale" in arguments.parts:
            sizes = [4_000] if arguments.quick else arguments.sizes
            _scale(arguments, work, sizes, record)


def _lfw(arguments: argparse.Namespace, work: Path, model: str, record: Record) -> None:
    vectors, people, spec = _embedded(arguments, model)
    title = Path(model).stem
    several = np.unique(people, return_inverse=True, return_counts=True)
    often = several[2][several[1]] >= _SHORT
    for what, chosen in (("people with two images or more", often), ("everybody", often | True)):
        x, names = vectors[chosen], people[chosen]
        limits = limits_for(spec, len(x))
        group = Group(
            f"LFW, {title}: {what}",
            unit="",
            reference="",
            columns=_COLUMNS,
            notes=[
                f"{len(x):,} faces of {len(set(names.tolist())):,} people.",
                f"Limits: {limits.large:.4f} (large) and {limits.pair:.4f} (pair).",
            ],
        )
        record.groups.append(group)
        if "lfw" in arguments.parts:
            np.save(work / "vectors.npy", x)
            for method in arguments.methods:
                labels, extras = _alone(work / "vectors.npy", method, limits)
                group.note(method, _figures(labels, names) | extras)
                record.save()
        if "incremental" in arguments.parts:
            for seed in range(3):
                labels = _in_batches(x, spec, np.random.default_rng(seed).permutation(len(x)))
                name = f"graph, {_BATCHES} batches in random order ({seed + 1})"
                group.note(name, _figures(labels, names))
                record.save()


def _embedded(arguments: argparse.Namespace, model: str) -> tuple[Any, Any, Any]:
    """Vectors (n, d) of the most central face of each image, whose they are, and the spec."""
    import facewise
    from facewise.pipeline import Pipeline
    from facewise.result_cache import ResultCache

    paths = sorted((arguments.shared / "data/lfw/lfw-deepfunneled").glob("*/*.jpg"))
    if not paths:
        raise UnavailableError(f"{arguments.shared}: no data/lfw/lfw-deepfunneled; give --shared")
    if arguments.quick:
        paths = paths[:60]
    spec, weights = (
        (model, None) if "/" not in model else ("mobilefacenet", arguments.shared / model)
    )
    embedder = facewise.load_embedder(spec, weights, precision="float32", backend="torch")
    vectors, people = [], []
    with ResultCache() as cache:
        pipeline = Pipeline(facewise.load_detector(), embedder, cache)
        for path, found in zip(paths, pipeline.run_each(paths), strict=True):
            if isinstance(found, Exception) or not len(found.faces):
                continue
            best = found.faces.order("most_central", image_size=found.image_size)[0]
            vectors.append(found.embeddings[best])
            people.append(path.parent.name)
    return np.stack(vectors), np.array(people), embedder.spec


def _figures(labels: Any, people: Any) -> dict[str, float]:
    faces, pairs = bcubed(labels, people), pairwise(labels, people)
    sizes = np.unique(labels, return_counts=True)[1]
    return {
        "bcubed": faces.f,
        "bcubed_p": faces.precision,
        "bcubed_r": faces.recall,
        "pairwise": pairs.f,
        "clusters": float(len(sizes)),
        "several": float((sizes > 1).sum()),
    }


def _in_batches(vectors: Any, spec: Any, order: Any) -> Any:
    """Labels (n,) when the faces come some at a time."""
    n = len(vectors)
    labels = np.empty(0, np.int64)
    for part in np.array_split(np.arange(n), _BATCHES):
        known = len(labels)
        start = np.concatenate([labels, part])
        x = vectors[order[: known + len(part)]]
        labels = clustered(x, limits_for(spec, len(x)), start=start, new=part)
    found = np.empty(n, np.int64)
    found[order] = labels
    return found


def _alone(vectors: Path, method: str, limits: Limits) -> tuple[Any, dict[str, float]]:
    """Labels, seconds and peak memory (without libraries) of a method, in its own process."""
    out = vectors.with_name("labels.npy")
    command = [sys.executable, "-m", "bench.cluster", str(vectors), str(out), method]
    command += [str(limits.large), str(limits.pair)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return np.load(out), json.loads(done.stdout.splitlines()[-1])


def _scale(arguments: argparse.Namespace, work: Path, sizes: Sequence[int], record: Record) -> None:
    from bench.gallery_data import FACES, Population
    from facewise.zoo import get_spec

    spec = get_spec("mobilefacenet.ms1m")
    for size in sizes:
        path = work / f"faces-{size}.npy"
        people = np.repeat(np.arange(size // FACES), FACES)
        if not path.exists():
            population = Population(arguments.shared)
            np.save(path, population.faces(population.people(size // FACES)))
        limits = limits_for(spec, size)
        group = Group(
            f"{size:,} faces of 512 numbers, {FACES} of each person",
            unit="",
            reference="",
            columns=[*_COLUMNS, "recall_at_10"],
            notes=[f"Limits {limits.large:.4f} (large) and {limits.pair:.4f} (pair)."],
        )
        record.groups.append(group)
        labels, extras = _alone(path, "graph", limits)
        extras["recall_at_10"] = _recall(np.load(path, mmap_mode="r"))
        group.note("graph", _figures(labels, people) | extras)
        record.save()
        path.unlink()


def _recall(vectors: Any) -> float:
    """Of the ten nearest of some vectors, those that cells find."""
    rows = np.sort(np.random.default_rng(5).choice(len(vectors), 500, replace=False))
    near = neighbours(vectors, 10, rows, exact=False).found
    right = neighbours(vectors, 10, rows, exact=True).found
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(near, right, strict=True)]))


def main(arguments: list[str]) -> None:
    """Cluster vectors in this process: VECTORS LABELS METHOD LARGE PAIR."""
    path, out, method, large, pair = arguments
    import torch

    torch.zeros(1) @ torch.zeros(1)
    if method in ("agglomerative", "hdbscan"):
        import sklearn.cluster  # noqa: F401
    before = resident(largest=False)
    vectors = np.load(path, mmap_mode="r")
    begun, worked = time.perf_counter(), time.process_time()
    labels = clustered(vectors, Limits(float(large), float(pair)), method)  # type: ignore[arg-type]
    took, cpu = time.perf_counter() - begun, time.process_time() - worked
    np.save(out, labels)
    print(json.dumps({"took": took, "cpu": cpu, "peak": resident(largest=True) - before}))


if __name__ == "__main__":
    main(sys.argv[1:])
