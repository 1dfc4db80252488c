"""`python -m bench align`: photos a second from a folder of photos to a folder of chips.

Contenders work on the same folder of LFW's photos, in turns. Their chips are compared pixel by
pixel with those of facenet-pytorch's plain loop.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import facewise
from bench import peers
from bench.contest import Contender, Timed, UnavailableError
from bench.hold import Builders, hold, let_in
from bench.inputs import photos
from bench.peers import FACENET
from bench.record import Group, Record
from facewise.aligning import align_folder
from facewise.alignment import MarginCrop

_SIZE, _MARGIN = 160, 32
_BATCH = 32  # of facenet-pytorch's own example (examples/finetune.ipynb)

Job = tuple[Path, Path]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--photos", type=int, default=1000, help="pictures of LFW")
    parser.add_argument("--chunk", type=int, default=200, help="pictures a round")


def run(arguments: argparse.Namespace, record: Record) -> None:
    peers.facenet_pytorch()
    total, chunk = arguments.photos, arguments.chunk
    if arguments.rounds:
        total = chunk * arguments.rounds
    if arguments.quick:
        total, chunk = 6, 3
    record.settings = {"photos": total, "photos_a_round": chunk}
    paths = photos(arguments.shared, total)
    parts = [paths[i :: -(-len(paths) // chunk)] for i in range(-(-len(paths) // chunk))]
    with tempfile.TemporaryDirectory() as scratch:
        desk = Desk(Path(scratch))
        builders: Builders = {FACENET: partial(facenet, desk), "facewise": partial(ours, desk)}
        group = Group(
            f"{total} photos of LFW, folder to folder of {_SIZE}×{_SIZE} chips",
            unit="photo",
            reference=FACENET,
            columns=["faces", "same_pixels"],
            notes=["Same: chips with the pixels of the plain loop's."],
        )
        hold(group, let_in(builders, record), parts, record, Judge())


class Desk:
    """Lays the photos of a round out as a folder of people, and takes the chips away."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._number = count()

    def lay(self, paths: Sequence[Path]) -> Job:
        """A new folder of photos, and one for chips that is not there yet."""
        place = self._scratch / str(next(self._number))
        for path in paths:
            target = place / "photos" / path.parent.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        return place / "photos", place / "chips"

    def clear(self, job: Job) -> dict[str, str]:
        """A digest of the pixels of every chip, by its path; nothing of the round stays."""
        chips = {}
        for path in sorted(job[1].rglob("*.png")):
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB")).tobytes()
            chips[path.relative_to(job[1]).as_posix()] = hashlib.sha256(pixels).hexdigest()
        shutil.rmtree(job[0].parent)
        return chips


def contender(
    desk: Desk, family: str, variant: str, kind: str, work: Callable[[Path, Path], object]
) -> Contender:
    def run_one(job: Job) -> Job:
        shutil.rmtree(job[1], ignore_errors=True)  # of the warm-up
        work(*job)
        return job

    return Contender(family, variant, kind, run_one, desk.lay, desk.clear)


def facenet(desk: Desk) -> list[Contender]:
    """Its own loop, as its examples have it, and one picture after another."""
    package = peers.facenet_pytorch()
    try:
        from torch.utils.data import DataLoader
        from torchvision import datasets
    except ImportError as error:
        raise UnavailableError(f"torchvision: {error}") from None
    mtcnn = package.MTCNN(image_size=_SIZE, margin=_MARGIN)

    def loader(source: Path, out: Path, **options: Any) -> None:
        """README and examples/finetune.ipynb; all photos have one size, so none is resized."""
        dataset = datasets.ImageFolder(str(source))
        dataset.samples = [
            (path, str((out / Path(path).relative_to(source)).with_suffix(".png")))
            for path, _ in dataset.samples
        ]
        for x, y in DataLoader(dataset, collate_fn=package.training.collate_pil, **options):
            mtcnn(x, save_path=y)

    def plain(source: Path, out: Path) -> None:
        for path in sorted(source.rglob("*.jpg")):
            target = (out / path.relative_to(source)).with_suffix(".png")
            mtcnn(Image.open(path), save_path=str(target))

    batched = partial(loader, batch_size=_BATCH, num_workers=0)
    return [
        contender(desk, FACENET, "plain loop", FACENET, plain),
        contender(desk, FACENET, f"DataLoader, batches of {_BATCH}", FACENET, batched),
    ]


def ours(desk: Desk) -> list[Contender]:
    """`facewise align` without the start of the program."""
    detector = facewise.load_detector()

    def work(source: Path, out: Path) -> None:
        align_folder(
            source, out, detector=detector, crop=MarginCrop(_SIZE, _MARGIN), choice="largest"
        )

    return [contender(desk, "facewise align", "", "facewise", work)]


class Judge:
    """Chips a photo, and how many are those of facenet-pytorch's plain loop."""

    def __init__(self) -> None:
        self._photos: dict[str, int] = {}
        self._chips: dict[str, dict[tuple[int, str], str]] = {}

    def see(self, timed: Timed) -> None:
        name = timed.contender.name
        self._photos[name] = self._photos.get(name, 0) + len(timed.items)
        found = {(timed.round, path): digest for path, digest in timed.output.items()}
        self._chips.setdefault(name, {}).update(found)

    def extras(self, name: str) -> Mapping[str, float | None]:
        own = self._chips[name]
        extras: dict[str, float | None] = {"faces": len(own) / self._photos[name]}
        theirs = self._chips.get(f"{FACENET}, plain loop", {})
        both = own.keys() & theirs.keys()
        if both:
            extras["same_pixels"] = sum(own[key] == theirs[key] for key in both) / len(both)
        return extras
