"""A CSV file, its columns and its rows, as long as none of them is too long."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from facewise.errors import GalleryError
from facewise.gallery.transfer.columns import checked_columns
from facewise.gallery.transfer.rows import MOST_NUMBERS

_NUMBERED = re.compile(r"(?:v|f|e|dim|emb|embedding|vector|encoding|feature)?[_ ]?([0-9]{1,6})\Z")
_LONGEST = 1 << 22  # characters of a row: 65,536 numbers of some 20, and the texts


class Layout(NamedTuple):
    """Where the columns are.

    Attributes:
        header: as it is in the file.
        place: the number of each column that is known.
        numbers: those of the vector's numbers; none where it is JSON.
    """

    header: Sequence[str]
    place: dict[str, int]
    numbers: list[int]


@contextmanager
def opened_table(path: Path) -> Iterator[tuple[Layout, Iterator[tuple[int, list[str]]]]]:
    """The columns, and the rows with the number of their last line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = _Lines(file, path)
            first = lines.peek()
            delimiter = max(",;\t", key=first.count)
            table = csv.reader(lines, delimiter=delimiter, strict=True)
            header = next(table, [])
            yield _layout(header, path), _records(table, lines)
    except UnicodeDecodeError as error:
        raise GalleryError(f"{path}: no CSV in UTF-8 ({error.reason})") from None
    except csv.Error as error:
        raise GalleryError(f"{path}: damaged, near line {table.line_num} ({error})") from None


def _records(table: Iterator[list[str]], lines: _Lines) -> Iterator[tuple[int, list[str]]]:
    lines.begin()
    for record in table:
        if record:  # no empty line
            yield lines.number, record
        lines.begin()


def _layout(header: Sequence[str], path: Path) -> Layout:
    numbered: dict[int, int] = {}
    for i, name in enumerate(header):
        found = _NUMBERED.match(name.strip().lower())
        if found and numbered.setdefault(int(found[1]), i) != i:
            raise GalleryError(f"{path}: two columns for number {found[1]} of the vectors")
    names = checked_columns(header, path, vector=not numbered)
    if numbered and "vector" in names:
        raise GalleryError(f"{path}: both a column {names['vector']!r} and one for each number")
    ordered = sorted(numbered)
    if ordered and (ordered[0] > 1 or ordered[-1] - ordered[0] + 1 != len(ordered)):
        raise GalleryError(
            f"{path}: the columns of the vectors are numbered {ordered[0]} to {ordered[-1]}, but "
            f"there are {len(ordered)}"
        )
    place = {ours: header.index(theirs) for ours, theirs in names.items()}
    return Layout(header, place, [numbered[number] for number in ordered])


class _Lines:
    """The lines of a file, as long as no row of the table is too long.

    Args:
        file: open, in text mode.
        path: of it, for messages.
    """

    def __init__(self, file: TextIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._ahead: str | None = None
        self._length = 0
        self.number = 0

    def begin(self) -> None:
        """A new row begins."""
        self._length = 0

    def peek(self) -> str:
        """The first line."""
        self._ahead = self._file.readline(_LONGEST)
        return self._ahead

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line, self._ahead = self._ahead, None
        if line is None:
            line = self._file.readline(_LONGEST)
        if not line:
            raise StopIteration
        self.number += 1
        self._length += len(line)
        if self._length >= _LONGEST:
            raise GalleryError(
                f"{self._path}: line {self.number}: a row of more than {_LONGEST:,} characters; "
                f"expected a table of faces, with at most {MOST_NUMBERS:,} numbers each"
            )
        return line
