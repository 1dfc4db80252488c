"""AgeDB (Moschoglou et al. 2017): pairs of images whose names tell person, age and gender.

Images are called `NUMBER_NAME_AGE_GENDER.jpg` (`0_MariaCallas_35_f.jpg`), and lie in one folder or
in folders below it. A list has a line `FILE FILE LABEL` for each pair, with 1 for one person and 0
for two, separated by blanks, tabs or commas. A fourth column may give the fold, from 1; without it
the list is cut into ten folds of one size, in its order (AgeDB-30: 600 pairs each).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation.protocols.pairs import PairProtocol
from facewise.evaluation.protocols.reading import (
    PairList,
    TextList,
    check_pair,
    consecutive,
    is_count,
    read_list,
    sha256_of,
    unreadable,
)

_FOLDS = 10
_IMAGE = re.compile(r"[0-9]+_(?P<person>.+)_(?P<age>[0-9]{1,3})_(?P<gender>[MmFf])\.[A-Za-z]+")
_FORM = "expected `FILE FILE LABEL`, with the label 1 or 0, or `FILE FILE LABEL FOLD`"


def agedb_attributes(name: str) -> tuple[str, int, str]:
    """Person, age in years and gender (`f` or `m`) from the name or path of an image.

    Raises:
        ProtocolError: it is not of the form `NUMBER_NAME_AGE_GENDER.jpg`.
    """
    parts = _IMAGE.fullmatch(_file_name(name))
    if parts is None:
        raise ProtocolError(
            f"{name}: expected NUMBER_NAME_AGE_GENDER.jpg, as in 0_MariaCallas_35_f.jpg"
        )
    return parts["person"], int(parts["age"]), parts["gender"].lower()


def read_agedb(pairs: Path, images: Path, folds: int | None = None) -> PairProtocol:
    """Read a list of pairs and find the images it names, before anything is computed.

    Args:
        pairs: the list.
        images: the folder of images; files are found by their name, there or in a folder below.
        folds: use only the first so many folds; by default all.

    Raises:
        ProtocolError: the list cannot be read or is not of this form (the message names file and
            line), a label contradicts the names, the list cannot be cut into ten folds that have
            pairs of both kinds, there are fewer folds, or images are missing.
    """
    listing = read_list(pairs)
    found, same, given = _read_pairs(listing)
    if given is not None:
        _, of_fold = np.unique(given, return_inverse=True)
    elif len(found) % _FOLDS:
        raise ProtocolError(
            f"{pairs}: {len(found)} pairs cannot be cut into {_FOLDS} folds of one size; "
            "give the fold in a fourth column"
        )
    else:
        of_fold = consecutive(len(found), _FOLDS)
    return PairList(
        name="agedb",
        file=pairs,
        sha256=sha256_of([listing.content]),
        pairs=found,
        same=np.array(same, np.bool_),
        folds=of_fold,
        people={image: agedb_attributes(image)[0] for pair in found for image in pair},
    ).protocol(images, _files(images).get, folds)


def _read_pairs(
    listing: TextList,
) -> tuple[list[tuple[str, str]], list[bool], list[int] | None]:
    """The pairs, their labels, and their folds if the list has any."""
    if not listing.lines:
        raise listing.wrong(1, _FORM)
    found, same, folds = [], [], []
    for line, text in enumerate(listing.lines, start=1):
        words = re.split(r"\s*,\s*|\s+", text.strip())
        if len(words) not in (3, 4) or words[2] not in ("0", "1"):
            raise listing.wrong(line, _FORM)
        pair, label = (_file_name(words[0]), _file_name(words[1])), words[2] == "1"
        try:
            check_pair(pair, label, (agedb_attributes(pair[0])[0], agedb_attributes(pair[1])[0]))
        except ValueError as error:
            raise listing.wrong(line, error) from None
        if len(words) == 4:
            if not is_count(words[3]):
                raise listing.wrong(line, "expected a fold from 1 in the fourth column")
            folds.append(int(words[3]))
        if len(folds) not in (0, line):
            raise listing.wrong(line, "expected a fold in every line or in none")
        found.append(pair)
        same.append(label)
    return found, same, folds or None


def _file_name(path: str) -> str:
    return re.split(r"[/\\]", path)[-1]


def _files(folder: Path) -> dict[str, Path]:
    """The file of each name in a folder and in those directly below it."""
    found: dict[str, Path] = {}
    try:
        below = [Path(entry) for entry in sorted(os.scandir(folder), key=_name) if entry.is_dir()]
        for place in (folder, *below):
            for entry in os.scandir(place):
                if not _IMAGE.fullmatch(entry.name) or not entry.is_file():
                    continue
                if found.setdefault(entry.name, Path(entry)) != Path(entry):
                    raise ProtocolError(
                        f"{folder}: two images are called {entry.name}: {found[entry.name]} "
                        f"and {entry.path}"
                    )
    except FileNotFoundError:
        raise ProtocolError(f"{folder}: no such folder of images") from None
    except OSError as error:
        raise unreadable(folder, error) from None
    return found


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name
