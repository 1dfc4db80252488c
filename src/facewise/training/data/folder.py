"""A folder of people: one folder for each, with pictures at any depth."""

from __future__ import annotations

import os
from pathlib import Path

from facewise.errors import TrainingError
from facewise.recognition.folders import is_picture, pictures_in
from facewise.recognition.people import Problem
from facewise.training.data.face_index import FaceIndex, index_of
from facewise.training.data.sources import trouble_with


def read_folder(root: str | os.PathLike[str]) -> FaceIndex:
    """Index a folder with one folder of pictures for each person.

    The person is the first folder below the root; below it pictures may lie at any depth. Hidden
    files and files that have not a picture's name are ignored, as everywhere in facewise
    (`facewise.recognition.folders`). What has a picture's name and can be none is left out and
    reported: an empty file, a link that leads nowhere, a folder that cannot be listed, a picture
    beside the folders of people; and a person without any picture. Pictures are not opened; that is
    what `verified` is for.

    Args:
        root: the folder.

    Returns:
        The index, by name and then by path.

    Raises:
        TrainingError: the folder cannot be listed, or has no picture of anybody.
    """
    root = Path(root)
    try:
        entries = sorted(root.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise TrainingError(f"{root}: expected a folder of people ({error.strerror})") from None
    problems: list[Problem] = []
    sources: list[Path] = []
    people: list[str] = []
    for entry in entries:
        if not os.path.isdir(entry):  # noqa: PTH112 - `Path.is_dir` raises where it may not look
            if is_picture(entry):
                problems.append(Problem(entry, "lies beside the folders of people; whose is it?"))
            continue
        if entry.name.startswith("."):
            continue
        pictures = _pictures_of(entry, root, problems)
        if not pictures:
            problems.append(Problem(entry, "no picture, the person is left out"))
        sources += pictures
        people += [entry.name] * len(pictures)
    if not sources:
        listed = "".join(f"\n  {problem}" for problem in problems[:5])
        raise TrainingError(f"{root}: expected a folder of pictures for each person{listed}")
    return index_of(tuple(sources), people, problems)


def _pictures_of(person: Path, root: Path, problems: list[Problem]) -> list[Path]:
    try:
        # A link back to the root would give one person the pictures of all.
        found = list(pictures_in(person, skip=root))
    except OSError as error:
        problems.append(Problem(person, f"cannot be listed ({error.strerror})"))
        return []
    good = []
    for path in found:
        trouble = trouble_with(path)
        if trouble is None:
            good.append(path)
        else:
            problems.append(Problem(path, trouble))
    return good
