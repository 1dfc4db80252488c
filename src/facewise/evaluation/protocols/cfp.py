"""Celebrities in Frontal-Profile (Sengupta et al. 2016), in the form its authors publish it.

`Protocol/Pair_list_F.txt` and `Pair_list_P.txt` number the frontal and the profile images, one
`NUMBER PATH` a line with paths that begin in `Protocol` (`1 ../Data/Images/001/frontal/01.jpg`).
`Protocol/Split/FF` and `FP` have one folder a fold, `01` to `10`, with the pairs `same.txt` and
`diff.txt`: lines `A,B`, numbers in the lists. In `FF` both are frontal; in `FP` the first is
frontal and the second a profile. A person is the folder of a number, `001`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation.protocols.pairs import PairProtocol
from facewise.evaluation.protocols.reading import (
    PairList,
    TextList,
    check_pair,
    existing,
    is_count,
    path_below,
    read_list,
    sha256_of,
    unreadable,
)


def read_cfp(kind: Literal["ff", "fp"], root: Path, folds: int | None = None) -> PairProtocol:
    """Read the lists of the data set and find the images they name, before anything is computed.

    Args:
        kind: frontal to frontal (`ff`) or frontal to profile (`fp`).
        root: the folder with `Protocol` and `Data`.
        folds: use only the first so many folds; by default all.

    Raises:
        ProtocolError: a list cannot be read or is not of the published form (the message names
            file and line), a path leads out of `root`, a label contradicts the people, there are
            fewer folds, or images are missing.
    """
    protocol = root / "Protocol"
    lists = [read_list(protocol / "Pair_list_F.txt")]
    first = second = _read_paths(lists[0], root)
    if kind == "fp":
        lists.append(read_list(protocol / "Pair_list_P.txt"))
        second = _read_paths(lists[1], root)
    split = protocol / "Split" / kind.upper()
    pairs: list[tuple[str, str]] = []
    same: list[bool] = []
    of_fold: list[int] = []
    for fold, folder in enumerate(_folds(split)):
        for file, genuine in (("same.txt", True), ("diff.txt", False)):
            listing = read_list(folder / file)
            found = _read_pairs(listing, genuine, first, second)
            lists.append(listing)
            pairs += found
            same += [genuine] * len(found)
            of_fold += [fold] * len(found)
    return PairList(
        name=f"cfp-{kind}",
        file=split,
        sha256=sha256_of(listing.content for listing in lists),
        pairs=pairs,
        same=np.array(same, np.bool_),
        folds=np.array(of_fold, np.intp),
        people={image: _person(image) for pair in pairs for image in pair},
    ).protocol(root, lambda image: existing(root / image), folds)


def _read_paths(listing: TextList, root: Path) -> dict[int, str]:
    """The path below the data set's folder of each number."""
    paths: dict[int, str] = {}
    form = "expected `NUMBER PATH` (`1 ../Data/Images/001/frontal/01.jpg`)"
    if not listing.lines:
        raise listing.wrong(1, form)
    for line, text in enumerate(listing.lines, start=1):
        words = text.split()
        if len(words) != 2 or not is_count(words[0]):
            raise listing.wrong(line, form)
        try:
            path = path_below(root, words[1], start="Protocol")
        except ValueError as error:
            raise listing.wrong(line, error) from None
        if path.count("/") < 2:
            raise listing.wrong(line, form)
        if int(words[0]) in paths:
            raise listing.wrong(line, f"gives number {words[0]} again")
        paths[int(words[0])] = path
    return paths


def _person(path: str) -> str:
    return path.split("/")[-3]


def _folds(split: Path) -> list[Path]:
    """The folders of all folds, in order."""
    try:
        folders = [each for each in split.iterdir() if is_count(each.name)]
    except OSError as error:
        raise unreadable(split, error) from None
    folders.sort(key=lambda folder: int(folder.name))
    if not folders or [int(each.name) for each in folders] != [*range(1, len(folders) + 1)]:
        listed = ", ".join(each.name for each in folders) or "none"
        raise ProtocolError(f"{split}: expected a folder for each fold, 01, 02, ..., got {listed}")
    return folders


def _read_pairs(
    listing: TextList, same: bool, first: dict[int, str], second: dict[int, str]
) -> list[tuple[str, str]]:
    found = []
    for line, text in enumerate(listing.lines, start=1):
        numbers = [word.strip() for word in text.split(",")]
        if len(numbers) != 2 or not all(is_count(number) for number in numbers):
            raise listing.wrong(line, "expected two numbers of images, `A,B`")
        try:
            pair = (first[int(numbers[0])], second[int(numbers[1])])
        except KeyError as error:
            raise listing.wrong(line, f"no image has the number {error}") from None
        try:
            check_pair(pair, same, (_person(pair[0]), _person(pair[1])))
        except ValueError as error:
            raise listing.wrong(line, error) from None
        found.append(pair)
    return found
