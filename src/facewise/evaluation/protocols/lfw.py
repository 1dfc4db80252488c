"""Labeled Faces in the Wild (Huang et al. 2007), in the form its authors publish it.

A pairs file begins with the number of folds and the number n of pairs of each kind in a fold
(`10 300` in View 2's `pairs.txt`; View 1's files have one fold and state n alone). Each fold lists
n genuine pairs, `name number number`, and then n impostor pairs, `name number name number`. The
image of a name and a number is `NAME/NAME_0001.jpg`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation.protocols.pairs import PairProtocol
from facewise.evaluation.protocols.reading import (
    Absent,
    PairList,
    TextList,
    existing,
    is_count,
    read_list,
    sha256_of,
)

_SUFFIXES = (".jpg", ".JPG", ".jpeg", ".JPEG", ".png", ".PNG")

_Shot: TypeAlias = tuple[str, int]
"""A person's name and the number of an image."""


def read_lfw(
    pairs: Path, images: Path, folds: int | None = None, *, absent: Absent | None = None
) -> PairProtocol:
    """Read a pairs file and find the images it names, before anything is computed.

    Args:
        pairs: the pairs file; fields may be separated by tabs or spaces, and lines may end as on
            Windows.
        images: the folder with one folder of images a person.
        folds: use only the first so many folds; by default all.
        absent: says of `NAME/NAME_0001` whether it may be missing, being a chip of a picture in
            which no face was found; by default none may.

    Raises:
        ProtocolError: the file cannot be read or is not of the published form (the message names
            file and line), it has fewer folds, or images are missing.
    """
    listing = read_list(pairs)
    found, each = _read_pairs(listing)
    order = np.arange(len(found))

    def locate(stem: str) -> Path | None:
        files = (existing(images / f"{stem}{suffix}") for suffix in _SUFFIXES)
        return next((file for file in files if file is not None), None)

    return PairList(
        name="lfw",
        file=pairs,
        sha256=sha256_of([listing.content]),
        pairs=[(_stem(a), _stem(b)) for a, b in found],
        same=order % (2 * each) < each,
        folds=order // (2 * each),
        people={_stem(shot): shot[0] for pair in found for shot in pair},
    ).protocol(images, locate, folds, "NAME/NAME_0001.jpg, .jpeg or .png", absent)


def _stem(shot: _Shot) -> str:
    name, number = shot
    return f"{name}/{name}_{number:04d}"


def _read_pairs(listing: TextList) -> tuple[list[tuple[_Shot, _Shot]], int]:
    """All pairs in order, and how many of each kind a fold has."""
    file, lines = listing.file, listing.lines
    header = lines[0].split() if lines else []
    if len(header) not in (1, 2) or not all(is_count(word) for word in header):
        raise listing.wrong(
            1,
            "expected the number of folds and of pairs of each kind in a fold (`10 300`), or the "
            "latter alone",
        )
    folds, each = (int(word) for word in ["1", *header][-2:])
    expected = 2 * folds * each
    if len(lines) - 1 != expected:
        raise ProtocolError(
            f"{file}, line {len(lines)}: ends after {len(lines) - 1} pairs, "
            f"but line 1 ({' '.join(header)}) states {folds} × 2 × {each} = {expected}"
        )
    found: list[tuple[_Shot, _Shot]] = []
    seen: dict[tuple[_Shot, ...], int] = {}
    for line, text in enumerate(lines[1:], start=2):
        genuine = (line - 2) % (2 * each) < each
        try:
            first, second = pair = _read_pair(text.split(), genuine)
        except ValueError as error:
            raise listing.wrong(line, error) from None
        earlier = seen.setdefault((min(first, second), max(first, second)), line)
        if earlier != line:
            raise ProtocolError(f"{file}, line {line}: repeats the pair of line {earlier}")
        found.append(pair)
    return found, each


def _read_pair(words: list[str], genuine: bool) -> tuple[_Shot, _Shot]:
    kind, form = ("a genuine", "name number number")
    if not genuine:
        kind, form = ("an impostor", "name number name number")
    if len(words) != len(form.split()):
        raise ValueError(f"expected {kind} pair, `{form}`")
    if genuine:
        words = [words[0], words[1], words[0], words[2]]
    name_a, number_a, name_b, number_b = words
    if not (is_count(number_a) and is_count(number_b)):
        raise ValueError(f"expected `{form}` with numbers from 1")
    if genuine and int(number_a) == int(number_b):
        raise ValueError("expected two images, and this is one twice")
    if not genuine and name_a == name_b:
        raise ValueError("expected two people")
    return (name_a, int(number_a)), (name_b, int(number_b))
