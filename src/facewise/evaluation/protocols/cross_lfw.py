"""Cross-Age and Cross-Pose LFW (Zheng et al. 2017, Zheng and Deng 2018), as they are published.

`pairs_CALFW.txt` and `pairs_CPLFW.txt` have no header and two lines a pair, `FILENAME TOKEN`, with
one token for both: the fold, from 1, of a genuine pair, and 0 of an impostor pair. So the folds of
the impostor pairs are not in the file: they are dealt here in the order of the file, as many to
each fold. In some copies the token of all genuine pairs is 1; they are dealt likewise, to ten
folds. Both give the published folds of 300 and 300 pairs for the published order.

The images lie in one folder; a person is called what stands before the last `_NUMBER`
(`Aaron_Peirsol_0001.jpg`, and `Aaron_Peirsol_1.jpg` in CPLFW).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation.protocols.pairs import PairProtocol
from facewise.evaluation.protocols.reading import (
    PairList,
    TextList,
    check_pair,
    consecutive,
    existing,
    is_number,
    read_list,
    sha256_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FOLDS = 10
_IMAGE = re.compile(r"(?P<person>[^/\\]+)_[0-9]+\.[A-Za-z]+")
_FORM = "expected `FILENAME TOKEN`, an image NAME_0001.jpg and a fold, or 0 for two people"


def read_cross_lfw(
    name: Literal["calfw", "cplfw"], pairs: Path, images: Path, folds: int | None = None
) -> PairProtocol:
    """Read a pairs file and find the images it names, before anything is computed.

    Args:
        name: of the protocol.
        pairs: the pairs file.
        images: the folder with all images.
        folds: use only the first so many folds; by default all.

    Raises:
        ProtocolError: the file cannot be read or is not of the published form (the message names
            file and line), a label contradicts the names, the pairs cannot be dealt to folds of
            one size, there are fewer folds, or images are missing.
    """
    listing = read_list(pairs)
    found, tokens, people = _read_pairs(listing)
    same = tokens > 0
    remarks = []
    if same.any() and (tokens[same] == 1).all():
        tokens[same] = _dealt(pairs, "genuine", int(same.sum()), _FOLDS) + 1
        remarks.append(
            "the file gives no folds: genuine and impostor pairs were dealt to "
            f"{_FOLDS} folds in their order"
        )
    else:
        remarks.append(
            "the file gives no folds of impostor pairs: they were dealt to those of the genuine "
            "pairs in their order"
        )
    numbers = np.unique(tokens[same])
    if not np.array_equal(numbers, np.arange(1, len(numbers) + 1)):
        listed = ", ".join(map(str, numbers.tolist()[: _FOLDS + 1]))
        raise ProtocolError(f"{pairs}: expected folds from 1 with none left out, got {listed}")
    if len(numbers):
        impostors = int((~same).sum())
        tokens[~same] = _dealt(pairs, "impostor", impostors, len(numbers)) + 1
    return PairList(
        name=name,
        file=pairs,
        sha256=sha256_of([listing.content]),
        pairs=found,
        same=same,
        folds=np.where(tokens > 0, tokens - 1, 0),
        people=people,
        remarks=tuple(remarks),
    ).protocol(images, lambda image: existing(images / image), folds)


def _read_pairs(
    listing: TextList,
) -> tuple[list[tuple[str, str]], NDArray[np.intp], dict[str, str]]:
    """The pairs in order, the token of each, and whom each image shows."""
    lines = listing.lines
    if not lines:
        raise listing.wrong(1, _FORM)
    people: dict[str, str] = {}
    found, tokens = [], []
    for line, text in enumerate(lines, start=1):
        words = text.split()
        image = _IMAGE.fullmatch(words[0]) if words else None
        if len(words) != 2 or image is None or not is_number(words[1]):
            raise listing.wrong(line, _FORM)
        people[words[0]] = image["person"]
        if line % 2:
            first, token = words[0], int(words[1])
            continue
        if int(words[1]) != token:
            raise listing.wrong(line, f"expected the token of line {line - 1}, {token}")
        try:
            check_pair((first, words[0]), token > 0, (people[first], people[words[0]]))
        except ValueError as error:
            raise listing.wrong(line, f"with line {line - 1}: {error}") from None
        found.append((first, words[0]))
        tokens.append(token)
    if len(lines) % 2:
        raise listing.wrong(len(lines), "ends within a pair; expected two lines for each")
    return found, np.array(tokens, np.intp), people


def _dealt(file: Path, kind: str, count: int, folds: int) -> NDArray[np.intp]:
    """The fold, from 0, of each pair of a kind."""
    if count % folds:
        raise ProtocolError(
            f"{file}: {count} {kind} pairs cannot be dealt to {folds} folds in equal parts"
        )
    return consecutive(count, folds)
