"""IJB-B and IJB-C, 1:1 (Whitelam et al. 2017, Maze et al. 2018), by the meta files in wide use.

NIST publishes the data; evaluations read it in the form that insightface distributes, for `ijbc`:

- `meta/ijbc_face_tid_mid.txt`: `IMAGE TEMPLATE MEDIUM`, a line for each appearance of an image;
- `meta/ijbc_name_5pts_score.txt`: `IMAGE x1 y1 ... x5 y5 SCORE`, landmarks and detection score;
- `meta/ijbc_template_pair_label.txt`: `TEMPLATE TEMPLATE LABEL`, 1 for one person and 0 for two;
- `loose_crop/IMAGE`: faces with much of what is around them.

IJB-C has 469,375 images and 15,658,489 pairs, so pairs are read in blocks, with numpy.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation.protocols.reading import (
    MOST_DIGITS,
    TextList,
    find_images,
    is_number,
    read_list,
    unreadable,
)
from facewise.evaluation.protocols.templates import TemplateProtocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 1 << 20  # bytes of the list of pairs that are read at a time; they stay in the cache
_LONGEST = 1000  # bytes of a line
_BLANKS = b" \t\r\n"
_PAIR_FORM = "expected `TEMPLATE TEMPLATE LABEL`"
_MARK = b"\xef\xbb\xbf"
_PAIR = re.compile(rb"[ \t\r]*(?:[0-9]{1,%d}[ \t\r]+){2}[0-9]{1,%d}[ \t\r]*" % ((MOST_DIGITS,) * 2))


def read_ijb(name: Literal["ijbb", "ijbc"], root: Path) -> TemplateProtocol:
    """Read the meta files and find the images they name, before anything is computed.

    Args:
        name: of the data set.
        root: the folder with `meta` and `loose_crop`.

    Raises:
        ProtocolError: a file cannot be read or is not of this form (the message names file and
            line), a pair names a template that no image belongs to, images have no landmarks, or
            images are missing.
    """
    faces = read_list(root / "meta" / f"{name}_face_tid_mid.txt")
    called, numbers = _read_faces(faces)
    points = read_list(root / "meta" / f"{name}_name_5pts_score.txt")
    landmarks, scores = _read_landmarks(points, faces, called)
    ids, templates = np.unique(numbers[:, 0], return_inverse=True)
    digest = hashlib.sha256(faces.content)
    digest.update(points.content)
    pairs, same = _read_pairs(root / "meta" / f"{name}_template_pair_label.txt", ids, digest)
    folder = root / "loose_crop"
    files = _files(folder)
    images = find_images(
        folder, called, lambda image: folder / image if image in files else None, faces.file
    )
    return TemplateProtocol(
        name=name,
        sha256=digest.hexdigest(),
        images=images,
        names=tuple(called),
        landmarks=landmarks,
        scores=scores,
        templates=templates.reshape(-1),
        media=numbers[:, 1].copy(),
        template_ids=tuple(ids.tolist()),
        pairs=pairs,
        same=same,
    )


def _read_faces(listing: TextList) -> tuple[list[str], NDArray[np.intp]]:
    """The name of each image, and the numbers of its template and medium, intp (m, 2)."""
    form = "expected `IMAGE TEMPLATE MEDIUM`"
    if not listing.lines:
        raise listing.wrong(1, form)
    called = []
    numbers = np.empty((len(listing.lines), 2), np.intp)
    for row, text in enumerate(listing.lines):
        words = text.split()
        if len(words) != 3 or not (is_number(words[1]) and is_number(words[2])):
            raise listing.wrong(row + 1, form)
        called.append(words[0])
        numbers[row] = int(words[1]), int(words[2])
    return called, numbers


def _read_landmarks(
    listing: TextList, faces: TextList, called: list[str]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Landmarks, (m, 5, 2), and score, (m,), of each image."""
    form = "expected `IMAGE x1 y1 x2 y2 x3 y3 x4 y4 x5 y5 SCORE`"
    read = np.empty((len(listing.lines), 11))
    row_of: dict[str, int] = {}
    for row, text in enumerate(listing.lines):
        words = text.split()
        if len(words) != 12:
            raise listing.wrong(row + 1, form)
        try:
            read[row] = [float(word) for word in words[1:]]
        except ValueError:
            raise listing.wrong(row + 1, form) from None
        if row_of.setdefault(words[0], row) != row:
            raise listing.wrong(row + 1, f"names the image of line {row_of[words[0]] + 1} again")
    with np.errstate(over="ignore"):
        values = read.astype(np.float32)
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values).all(axis=1)))
        raise listing.wrong(row + 1, "expected finite numbers")
    scores = values[:, 10]
    outside = scores < 0
    if outside.any():
        raise listing.wrong(int(np.argmax(outside)) + 1, "expected a score from 0 on")
    for line, image in enumerate(called, start=1):
        if image not in row_of:
            raise faces.wrong(line, f"{listing.file} has no landmarks of the image")
    rows = [row_of[image] for image in called]
    return values[rows, :10].reshape(-1, 5, 2), scores[rows]


def _files(folder: Path) -> set[str]:
    """The names of all files: half a million are listed far sooner than asked for one by one."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except FileNotFoundError:
        raise ProtocolError(f"{folder}: no such folder of images") from None
    except OSError as error:
        raise unreadable(folder, error) from None


def _read_pairs(
    file: Path, ids: NDArray[np.intp], digest: hashlib._Hash
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """All pairs, by the places of their templates in `ids` (sorted), and their labels."""
    try:
        size = _measure(file, digest)
        pairs = np.empty((size.lines, 2), np.intp)
        same = np.empty(size.lines, np.bool_)
        row = 0
        for block in _blocks(file, size):
            values = _numbers(block)
            if values is None:
                raise _wrong(file, row, block, _first_unlike(block), _PAIR_FORM)
            places = np.searchsorted(ids, values[:, :2])
            known = ids[np.minimum(places, len(ids) - 1)] == values[:, :2]
            for wrong, reason in (
                (values[:, 2] > 1, "expected the label 1 or 0"),
                (~known.all(axis=1), "names a template that no image belongs to"),
                (places[:, 0] == places[:, 1], "expected two templates, and this is one twice"),
            ):
                if wrong.any():
                    raise _wrong(file, row, block, int(np.argmax(wrong)), reason)
            rows = slice(row, row + len(values))
            pairs[rows], same[rows] = places, values[:, 2]
            row += len(values)
    except OSError as error:
        raise unreadable(file, error) from None
    for kind, which in (("genuine", same), ("impostor", ~same)):
        if not which.any():
            raise ProtocolError(f"{file}: has no {kind} pairs")
    return pairs, same


class _Size(NamedTuple):
    """Where the lines of a file begin and end, in bytes, and how many there are."""

    start: int
    end: int
    lines: int


def _measure(file: Path, digest: hashlib._Hash) -> _Size:
    """Read a file once: without a byte order mark, and without blank lines at the end."""
    end = position = ends = lines = 0
    with file.open("rb") as source:
        start = len(_MARK) if source.read(len(_MARK)) == _MARK else 0
        source.seek(0)
        while block := source.read(_BLOCK):
            digest.update(block)
            filled = block.rstrip(_BLANKS)
            if filled:
                end, lines = position + len(filled), ends + filled.count(b"\n") + 1
            ends += block.count(b"\n")
            position += len(block)
    if end <= start:
        raise ProtocolError(f"{file}, line 1: {_PAIR_FORM}, got 'an empty file'")
    return _Size(start, end, lines)


def _blocks(file: Path, size: _Size) -> Iterator[bytes]:
    """Whole lines, many at a time, each with its end."""
    with file.open("rb") as source:
        source.seek(size.start)
        left = size.end - size.start
        while left:
            block = source.read(min(_BLOCK, left))
            block += source.readline(min(_LONGEST, left - len(block)))
            if not block:
                raise ProtocolError(f"{file}: became shorter while it was read")
            left -= len(block)
            yield block if block.endswith(b"\n") else block + b"\n"


def _numbers(block: bytes) -> NDArray[np.int64] | None:
    """The numbers of all lines, int64 (n, 3), or None if a line is not three of them."""
    if block.translate(None, b"0123456789" + _BLANKS):
        return None
    characters = np.frombuffer(b"\n" + block, np.uint8)
    digit = characters >= ord("0")  # all others are blanks
    edges = np.flatnonzero(digit[1:] != digit[:-1])
    first, after = edges[0::2], edges[1::2]
    ends = np.flatnonzero(characters[1:] == ord("\n"))
    if len(first) != 3 * len(ends) or (after - first).max(initial=0) > MOST_DIGITS:
        return None
    begins = np.concatenate([[0], ends[:-1]])
    if (first[0::3] < begins).any() or (after[2::3] > ends).any():
        return None
    return np.fromstring(block, np.int64, sep=" ").reshape(-1, 3)


def _first_unlike(block: bytes) -> int:
    """The first line, from 0, that is not three numbers."""
    lines = block.split(b"\n")[:-1]
    return next(row for row, line in enumerate(lines) if not _PAIR.fullmatch(line))


def _wrong(file: Path, row: int, block: bytes, line: int, reason: str) -> ProtocolError:
    text = block.split(b"\n")[line][:80].decode("utf-8", "replace").rstrip("\r")
    return ProtocolError(f"{file}, line {row + line + 1}: {reason}, got {text!r}")
