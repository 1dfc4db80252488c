"""`python -m bench pipeline`: photos a second from files to vectors; and peak memory."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import torch
from PIL import Image

import facewise
from bench import peers
from bench.contest import Contender, Timed
from bench.embed import INCEPTION, random_inception
from bench.hold import Builders, hold, let_in
from bench.inputs import photos
from bench.machine import memory_available
from bench.peers import FACENET
from bench.record import Group, Record
from facewise.embedding import DEFAULT_EMBEDDER
from facewise.pipeline import Pipeline

_MODES = (("exact", "float32"), ("fast", "auto"))  # of detection, and the embedder's precision
_EMBED_BATCH = 32  # facenet-pytorch's faces in one pass
_MEMORY_OF_BATCH = 200_000_000  # bytes a frame of 1080p that its batched MTCNN takes, at least


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--photos", type=int, default=1000, help="pictures of LFW")
    parser.add_argument("--chunk", type=int, default=50, help="pictures a round")
    parser.add_argument("--memory-frames", type=int, default=60, help="0 leaves memory out")


def run(arguments: argparse.Namespace, record: Record) -> None:
    peers.facenet_pytorch()
    count, chunk, frames = arguments.photos, arguments.chunk, arguments.memory_frames
    if arguments.rounds:
        count = chunk * arguments.rounds
    if arguments.quick:
        count, chunk, frames = 6, 3, min(frames, 2)
    record.settings = {"photos": count, "photos_a_round": chunk, "memory_frames": frames}
    paths = photos(arguments.shared, count)
    parts = [paths[i :: -(-len(paths) // chunk)] for i in range(-(-len(paths) // chunk))]
    with random_inception(arguments.shared) as (net, weights):
        builders: Builders = {
            FACENET: partial(facenet, net, chunk),
            **ours("InceptionResnetV1", INCEPTION, weights, arguments.backends),
            **ours(DEFAULT_EMBEDDER, DEFAULT_EMBEDDER, None, arguments.backends),
        }
        group = Group(
            f"{count} photos of LFW, files to vectors",
            unit="photo",
            reference=FACENET,
            columns=["faces"],
            notes=["InceptionResnetV1 has random weights, the same on both sides."],
        )
        hold(group, let_in(builders, record), parts, record, Judge())
        if frames:
            measure_memory(frames, weights, arguments, record)


def facenet(net: torch.nn.Module, chunk: int) -> list[Contender]:
    """facenet-pytorch as its documentation uses it, and with all pictures of a round at once."""
    mtcnn = peers.facenet_pytorch().MTCNN(keep_all=True)

    @torch.inference_mode()
    def loop(paths: Sequence[Path]) -> list[int]:
        counts = []
        for path in paths:
            faces = mtcnn(Image.open(path))
            if faces is not None:
                net(faces)
            counts.append(0 if faces is None else len(faces))
        return counts

    @torch.inference_mode()
    def batched(paths: Sequence[Path]) -> list[int]:
        found = mtcnn([Image.open(path) for path in paths])
        faces = [some for some in found if some is not None]
        if faces:
            for part in torch.split(torch.cat(faces), _EMBED_BATCH):
                net(part)
        return [0 if some is None else len(some) for some in found]

    return [
        Contender(FACENET, "plain loop", FACENET, loop, cached),
        Contender(FACENET, f"batches of {chunk}", FACENET, batched, cached),
    ]


def ours(name: str, model: str, weights: Path | None, backends: Sequence[str]) -> Builders:
    """facewise's pipeline with a model: its defaults, and each mode on each backend."""

    def build(
        family: str, kind: str, detection: dict[str, Any], embedding: dict[str, Any]
    ) -> list[Contender]:
        detector = facewise.load_detector("mtcnn", **detection)
        embedder = facewise.load_embedder(model, weights, **embedding)
        facts = {"detector": dict(detector.settings), "embedder": embedder.settings}
        run = partial(embedded, Pipeline(detector, embedder))
        return [Contender(family, "", kind, run, cached, settings=facts)]

    builders: dict[str, Callable[[], list[Contender]]] = {}
    for (mode, precision), backend in product(_MODES, backends):
        kind = f"facewise {mode}"
        family = f"{kind}, {precision}, {backend}, {name}"
        detection = {"mode": mode, "backend": backend}
        embedding = {"precision": precision, "backend": backend}
        builders[family] = partial(build, family, kind, detection, embedding)
    kind = "facewise defaults"
    return builders | {f"{kind}, {name}": partial(build, f"{kind}, {name}", kind, {}, {})}


def embedded(pipeline: Pipeline, paths: Sequence[Path]) -> list[int]:
    """Faces of each photo, once they have their vectors.

    Raises:
        ImageError: a photo cannot be read; all of LFW can.
    """
    counts = []
    for found in pipeline.run_each(paths):
        if isinstance(found, facewise.ImageError):
            raise found
        counts.append(len(found.faces))
    return counts


def cached(paths: Iterable[Path]) -> list[Path]:
    """The paths, their files read once so that nobody is the first to wait for the disk."""
    paths = list(paths)
    for path in paths:
        path.read_bytes()
    return paths


class Judge:
    """Faces found in a photo."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}

    def see(self, timed: Timed) -> None:
        self._counts.setdefault(timed.contender.name, []).extend(timed.output)

    def extras(self, name: str) -> Mapping[str, float | None]:
        counts = self._counts[name]
        return {"faces": sum(counts) / len(counts)}


def measure_memory(
    frames: int, weights: Path, arguments: argparse.Namespace, record: Record
) -> None:
    """The largest resident memory of a new process for each contender."""
    group = Group(
        f"Memory for {frames} frames of 1080×1920, detected and embedded",
        unit="",
        reference=FACENET,
        columns=["memory_before", "memory"],
        notes=[
            "All frames are in memory and given in one call, except in the single calls.",
            "Resident memory of a process of its own, libraries included.",
        ],
    )
    record.groups.append(group)
    settings = {f"{FACENET}, single": "facenet 1", f"{FACENET}, one batch": f"facenet {frames}"}
    for mode, precision in _MODES[: 1 if arguments.quick else None]:
        for backend in arguments.backends[: 1 if arguments.quick else None]:
            name = f"facewise {mode}, {precision}, {backend}"
            settings[name] = f"facewise {mode} {precision} {backend}"
    for name, setting in settings.items():
        free = memory_available()
        needed = frames * _MEMORY_OF_BATCH
        if name.endswith("one batch") and free is not None and free < needed:
            record.miss(name, f"needs about {needed / 1e9:.0f} GB, {free / 1e9:.0f} are free")
            continue
        command = [sys.executable, "-m", "bench.memory", str(arguments.shared), str(weights)]
        command += [str(frames), *setting.split()]
        ended = subprocess.run(
            command, capture_output=True, text=True, cwd=Path(__file__).parents[1]
        )
        if ended.returncode:
            lines = ended.stderr.strip().splitlines() or [f"status {ended.returncode}"]
            group.failed.append({"name": name, "reason": lines[-1]})
        else:
            group.note(name, json.loads(ended.stdout.splitlines()[-1]))
        record.save()
