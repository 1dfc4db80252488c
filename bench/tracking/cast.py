"""Who plays in the synthetic videos: people of LFW, some enrolled and some strangers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import facewise
from bench.contest import UnavailableError
from bench.tracking.heads import Head, cut_head
from facewise.detection import Detector

_ENROLLED_PICTURES = 3
"""Pictures of a person to enrol, never seen in a video: the first ones."""

_LEAST_PICTURES = 6
"""Of somebody who can be enrolled."""

_SURE = 0.99
"""Score of a face, on its picture and cut out on gray, for its head to be used."""


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody who plays.

    Attributes:
        number: from 1 on; the id in a truth file.
        name: as LFW spells it.
        enrolled: whether a gallery of the cast knows them.
        portraits: pictures to enrol; those of strangers are of no use.
        heads: to draw, of different pictures.
    """

    number: int
    name: str
    enrolled: bool
    portraits: Sequence[Path]
    heads: Sequence[Head]


def choose_cast(
    lfw: Path, *, enrolled: int = 20, strangers: int = 20, heads: int = 2, seed: int = 7
) -> list[Person]:
    """Choose people by lot, of whom there are heads that a detector is sure of.

    Nobody is chosen by what an embedder says.

    Args:
        lfw: the folder `lfw-deepfunneled`.
        enrolled: people with pictures to enrol beside those of the videos.
        strangers: people without.
        heads: of each.
        seed: of the lot.

    Returns:
        The enrolled, then the strangers.

    Raises:
        UnavailableError: the folder is not there, or has too few people.
    """
    folders = sorted(folder for folder in lfw.glob("*") if folder.is_dir())
    if not folders:
        raise UnavailableError(f"{lfw}: no people; see --shared")
    order = np.random.default_rng(seed).permutation(len(folders))
    cast: list[Person] = []
    detector = facewise.load_detector("mtcnn")
    for known, wanted in ((True, enrolled), (False, strangers)):
        taken = {person.name for person in cast}
        found = 0
        for folder in (folders[i] for i in order):
            if found == wanted:
                break
            pictures = sorted(folder.glob("*.jpg"))
            skip = _ENROLLED_PICTURES if known else 0
            if folder.name in taken or len(pictures) < (_LEAST_PICTURES if known else heads):
                continue
            own = _first(usable_heads(detector, pictures[skip:], folder.name), heads)
            if len(own) == heads:
                cast.append(Person(len(cast) + 1, folder.name, known, pictures[:skip], own))
                found += 1
        if found < wanted:
            raise UnavailableError(f"{lfw}: {found} people that can be used, {wanted} wanted")
    return cast


def usable_heads(detector: Detector, pictures: Sequence[Path], person: str) -> Iterator[Head]:
    """Heads of the pictures that the detector is sure of, cut out too."""
    for path in pictures:
        image = facewise.load_image(path)
        box = _middle_face(detector, image)
        if box is None:
            continue
        head = cut_head(image, box, person, path.name)
        alpha = head.pixels[..., 3:]
        alone = np.rint(head.pixels[..., :3] + 127 * (1 - alpha)).astype(np.uint8)
        if _middle_face(detector, alone) is not None:
            yield head


def _middle_face(detector: Detector, image: NDArray[np.uint8]) -> list[float] | None:
    """The box of the face in the middle, if there is one and no other is near it."""
    faces = detector.detect([image])[0]
    faces = faces[faces.scores >= 0.8]
    if not len(faces):
        return None
    height, width = image.shape[:2]
    centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    away = np.hypot(*(centres - (width / 2, height / 2)).T)
    first = int(away.argmin())
    sizes = faces.boxes[:, 2:] - faces.boxes[:, :2]
    near = np.abs(centres - centres[first]) < (sizes + sizes[first]) * 0.75
    if away[first] > 25 or faces.scores[first] < _SURE or near.all(axis=1).sum() > 1:
        return None
    box: list[float] = faces.boxes[first].tolist()
    return box


def _first(items: Iterator[Head], count: int) -> list[Head]:
    return [item for item, _ in zip(items, range(count), strict=False)]
