"""The people of LFW's View 1 (Huang et al. 2007): `peopleDevTrain.txt` over a folder of LFW.

The first line is the number of people; each of the others is a name and a number of images, with a
tab between them. Image 3 of NAME is `NAME/NAME_0003.jpg`.
"""

from __future__ import annotations

import os
from pathlib import Path

from facewise.errors import TrainingError
from facewise.evaluation.protocols.reading import TextList, is_count
from facewise.recognition.folders import is_picture
from facewise.recognition.people import Problem
from facewise.training.data.face_index import FaceIndex, index_of
from facewise.training.data.lists import read_lines, wrong
from facewise.training.data.sources import trouble_with


def read_lfw_view1(people_file: Path, images: Path) -> FaceIndex:
    """Index the people of a View 1 list.

    Args:
        people_file: `peopleDevTrain.txt` or `peopleDevTest.txt`.
        images: the folder with one folder of images for each person, for example
            `lfw-deepfunneled`, or what `facewise align` made of it; of any format. Listed images
            that are missing or empty are left out and reported.

    Raises:
        TrainingError: the list cannot be read or is not of the published form (the message names
            the line), there is no such folder, or no image is there.
    """
    listing = read_lines(people_file)
    people = _people(listing)
    if not images.is_dir():
        raise TrainingError(f"{images}: no such folder of images")
    sources: list[Path] = []
    shown: list[str] = []
    problems: list[Problem] = []
    for name, count in people.items():
        there = _by_stem(images / name)
        for number in range(1, count + 1):
            stem = f"{name}_{number:04d}"
            path = there.get(stem, images / name / f"{stem}.jpg")
            trouble = trouble_with(path)
            if trouble is None:
                sources.append(path)
                shown.append(name)
            else:
                problems.append(Problem(path, f"{trouble}, and {people_file.name} lists it"))
    if not sources:
        raise TrainingError(
            f"{images}: none of the {sum(people.values())} images that {people_file} lists is "
            "here; expected NAME/NAME_0001.jpg"
        )
    return index_of(tuple(sources), shown, problems)


def _people(listing: TextList) -> dict[str, int]:
    """How many images each person has."""
    header = listing.lines[0].split() if listing.lines else []
    if len(header) != 1 or not is_count(header[0]):
        raise wrong(listing, 1, "expected the number of people alone")
    if len(listing.lines) - 1 != int(header[0]):
        raise TrainingError(
            f"{listing.file}, line {len(listing.lines)}: ends after {len(listing.lines) - 1} "
            f"people, but line 1 states {header[0]}"
        )
    people: dict[str, int] = {}
    lines: dict[str, int] = {}
    for line, text in enumerate(listing.lines[1:], start=2):
        words = text.split("\t")
        name = words[0].strip()
        if len(words) != 2 or not is_count(words[1].strip()):
            raise wrong(listing, line, "expected a name, a tab and a number of images")
        if not name or name.startswith(".") or "/" in name or "\\" in name:
            raise wrong(listing, line, "expected a name that a folder can have")
        if name in people:
            raise wrong(listing, line, f"repeats the person of line {lines[name]}")
        people[name], lines[name] = int(words[1]), line
    return people


def _by_stem(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by their names without what follows the dot."""
    try:
        entries = sorted(os.listdir(folder), reverse=True)  # noqa: PTH208 - of many, only names
    except OSError:
        return {}
    paths = (folder / entry for entry in entries)
    return {path.stem: path for path in paths if is_picture(path)}
