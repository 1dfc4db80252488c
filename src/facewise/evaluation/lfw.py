"""Labeled Faces in the Wild (Huang et al. 2007), in the form its authors publish it.

A pairs file begins with the number of folds and the number n of pairs of each kind in a fold
(`10 300` in View 2's `pairs.txt`; View 1's files have one fold and state n alone). Each fold lists
n genuine pairs, `name number number`, and then n impostor pairs, `name number name number`. The
image of a name and a number is `NAME/NAME_0001.jpg`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeAlias

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation.pairs import PairProtocol

_SUFFIXES = (".jpg", ".JPG", ".jpeg", ".JPEG", ".png", ".PNG")
_SHOWN = 5  # missing images that an error names

_Shot: TypeAlias = tuple[str, int]
"""A person's name and the number of an image."""


def read_lfw(pairs: Path, images: Path, folds: int | None = None) -> PairProtocol:
    """Read a pairs file and find the images it names, before anything is computed.

    Args:
        pairs: the pairs file; fields may be separated by tabs or spaces, and lines may end as on
            Windows.
        images: the folder with one folder of images a person.
        folds: use only the first so many folds; by default all.

    Raises:
        ProtocolError: the file cannot be read or is not of the published form (the message names
            file and line), it has fewer folds, or images are missing.
    """
    try:
        content = pairs.read_bytes()
        lines = content.decode("utf-8-sig").rstrip().splitlines()
    except OSError as error:
        raise ProtocolError(f"{pairs}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ProtocolError(f"{pairs}: not a text file in UTF-8") from None
    found, each = _read_pairs(pairs, lines)
    total = len(found) // (2 * each)
    if folds is not None and not 1 <= folds <= total:
        raise ProtocolError(f"{pairs}: has {total} folds, and {folds} were asked for")
    found = found[: 2 * each * (folds or total)]
    shots = sorted({shot for pair in found for shot in pair})
    number = {shot: i for i, shot in enumerate(shots)}
    return PairProtocol(
        name="lfw",
        sha256=hashlib.sha256(content).hexdigest(),
        root=images,
        images=_find_images(images, shots, pairs),
        pairs=np.array([(number[a], number[b]) for a, b in found], np.intp),
        same=np.arange(len(found)) % (2 * each) < each,
        folds=np.arange(len(found)) // (2 * each),
    )


def _read_pairs(file: Path, lines: list[str]) -> tuple[list[tuple[_Shot, _Shot]], int]:
    """All pairs in order, and how many of each kind a fold has."""
    header = lines[0].split() if lines else []
    if len(header) not in (1, 2) or not all(_is_count(word) for word in header):
        raise ProtocolError(
            f"{file}, line 1: expected the number of folds and of pairs of each kind in a fold "
            f"(`10 300`), or the latter alone, got {lines[0] if lines else 'an empty file'!r}"
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
            raise ProtocolError(f"{file}, line {line}: {error}, got {text!r}") from None
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
    if not (_is_count(number_a) and _is_count(number_b)):
        raise ValueError(f"expected `{form}` with numbers from 1")
    if genuine and int(number_a) == int(number_b):
        raise ValueError("expected two images, and this is one twice")
    if not genuine and name_a == name_b:
        raise ValueError("expected two people")
    return (name_a, int(number_a)), (name_b, int(number_b))


def _is_count(word: str) -> bool:
    return word.isascii() and word.isdigit() and int(word) > 0


def _find_images(root: Path, shots: list[_Shot], pairs: Path) -> tuple[Path, ...]:
    if not root.is_dir():
        raise ProtocolError(f"{root}: no such folder of images")
    found, missing = [], []
    for name, number in shots:
        stem = f"{name}/{name}_{number:04d}"
        candidates = (root / f"{stem}{suffix}" for suffix in _SUFFIXES)
        image = next((path for path in candidates if path.is_file()), None)
        if image is None:
            missing.append(stem)
        else:
            found.append(image)
    if missing:
        rest = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise ProtocolError(
            f"{root}: {len(missing)} of the {len(shots)} images that {pairs} names are missing: "
            f"{', '.join(missing[:_SHOWN])}{rest} (expected NAME/NAME_0001.jpg, .jpeg or .png)"
        )
    return tuple(found)
