"""insightface's data sets: `train.rec` with `train.idx`, in MXNet's RecordIO.

The idx file has a line for each record: its key, a tab, and the byte at which it begins. In the
form of insightface record 0 holds no picture but two labels: the key from which on records stand
for identities instead of pictures, and the key after the last of them; pictures have the keys from
1 up to the first identity. A set without such a record has a picture for every key.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import TrainingError
from facewise.training.data.face_index import FaceIndex
from facewise.training.data.lists import read_lines, wrong
from facewise.training.data.record_file import RecordFile, Records, opened

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_PEOPLE = 1 << 24
"""From here on float32, which labels are, does not hold every whole number."""

_DIGITS = 8


def read_recordio(rec: Path, idx: Path | None = None) -> FaceIndex:
    """Index the pictures of a RecordIO file.

    Every frame and label is looked at, once; pictures stay where they are. The people are called by
    their numbers, with eight digits, so that names sort as numbers do.

    Args:
        rec: the records.
        idx: where each begins; by default the file of the same name that ends with `.idx`.

    Raises:
        TrainingError: a file cannot be read, lines are not of this form, a frame is damaged or cut
            off, the idx file belongs to another rec file, or a label is not the number of a person;
            names the place. A picture that cannot be decoded is found by `verified`.
    """
    idx = rec.with_suffix(".idx") if idx is None else idx
    file = opened(rec)
    keys, offsets = _offsets(idx)
    pictures = _pictures(file, keys, offsets, idx)
    numbers = np.empty(len(pictures), np.int64)
    for i, (key, offset) in enumerate(
        zip(keys[pictures].tolist(), offsets[pictures].tolist(), strict=True)
    ):
        labels, content = file.labels(offset)
        label = float(labels[0])
        if not content:
            raise TrainingError(f"{rec}, record {key}, byte {offset}: holds no picture")
        if not (0 <= label < _MOST_PEOPLE and label.is_integer()):
            raise TrainingError(
                f"{rec}, record {key}, byte {offset}: expected the number of a person as label, "
                f"got {label}"
            )
        numbers[i] = int(label)
    people, of_picture = np.unique(numbers, return_inverse=True)
    return FaceIndex(
        tuple(f"{number:0{_DIGITS}d}" for number in people.tolist()),
        Records(rec, offsets[pictures]),
        of_picture.reshape(-1),
    )


def _offsets(idx: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Keys, sorted, and where their records begin."""
    listing = read_lines(idx)
    keys: dict[int, int] = {}
    for line, text in enumerate(listing.lines, start=1):
        words = text.split("\t")
        try:
            key, offset = (int(word) for word in words)
        except ValueError:
            raise wrong(listing, line, "expected a key, a tab and a byte") from None
        if not (0 <= key < 1 << 62 and 0 <= offset < 1 << 62):
            raise wrong(listing, line, "expected numbers from 0")
        if key in keys:
            raise wrong(listing, line, f"repeats the key {key}")
        keys[key] = offset
    if not keys:
        raise TrainingError(f"{idx}: is empty, expected the places of records")
    ordered = np.array(sorted(keys.items()), np.int64)
    twice = np.flatnonzero(np.diff(np.sort(ordered[:, 1])) == 0)
    if len(twice):
        raise TrainingError(f"{idx}: has several keys for one record; damaged")
    return ordered[:, 0], ordered[:, 1]


def _pictures(
    file: RecordFile, keys: NDArray[np.int64], offsets: NDArray[np.int64], idx: Path
) -> NDArray[np.intp]:
    """The places, in `keys`, of the records that are pictures."""
    every = np.arange(len(keys))
    if keys[0] != 0:
        return every
    labels, content = file.labels(int(offsets[0]))
    if content:  # a set that is not of insightface's form: a picture like others
        return every
    if len(labels) < 2 or not all(float(label).is_integer() for label in labels[:2].tolist()):
        raise TrainingError(f"{file.path}, record 0: expected two keys as labels, got {labels}")
    first, end = (int(label) for label in labels[:2].tolist())
    if not 1 < first <= end:
        raise TrainingError(
            f"{file.path}, record 0: expected keys of identities that rise and lie behind those of "
            f"pictures, got {first} to {end}"
        )
    chosen = every[(keys >= 1) & (keys < first)]
    if len(chosen) != first - 1:
        raise TrainingError(
            f"{idx}: lists {len(chosen)} of the {first - 1} pictures that record 0 of "
            f"{file.path} states; cut off, or of another file"
        )
    return chosen
