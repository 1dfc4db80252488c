r"""An index as a CSV file: the columns path and person.

The separator is a comma, a semicolon or a tab. A first line of headings may name the columns, in
any order and case; other columns are ignored. Without it there are the two columns of the example.

    path,person
    ann/1.jpg,ann
    bob/1.jpg,bob

A picture in a RecordIO file is `train.rec#1234`, 1234 being the byte at which its record begins.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

import numpy as np

from facewise._files import replace_file
from facewise.errors import TrainingError
from facewise.evaluation.protocols.reading import MOST_DIGITS, TextList, path_below
from facewise.recognition.people import Problem
from facewise.training.data.face_index import FaceIndex, index_of
from facewise.training.data.lists import read_lines, wrong
from facewise.training.data.record_file import RecordRef, opened
from facewise.training.data.sources import Source, file_of, trouble_with

_SEPARATORS = (",", ";", "\t")
_HEADINGS = {
    "path": ("path", "file", "image"),
    "person": ("person", "name", "identity", "label"),
}
_COLUMN = {heading: column for column, known in _HEADINGS.items() for heading in known}
_MISSING = ("nan", "NaN", "NAN", "<NA>")  # what tables write for nothing; Nan is a name
_RECORD = re.compile(r"(.+\.rec)#(\d+)", re.DOTALL | re.ASCII)


def read_csv(file: Path, root: Path | None = None) -> FaceIndex:
    """Read an index, and look whether its pictures are there.

    A row that repeats another is reported and counts once; a picture that is missing or empty is
    reported and left out.

    Args:
        file: the CSV file.
        root: the folder that paths begin in, and that none may lead out of. By default the folder
            of the file; then absolute paths may lead anywhere, since `write_csv` has those for
            pictures that lie elsewhere.

    Returns:
        The index, in the order of the file.

    Raises:
        TrainingError: the file cannot be read or is not of this form, a path leads out of the
            folder, a person has no name, one picture shows two people (the message names file and
            line); or no picture is there.
    """
    listing = read_lines(file)
    if root is not None and not root.is_dir():
        raise TrainingError(f"{root}: no such folder of pictures")
    seen: dict[Source, tuple[int, str]] = {}
    sources: list[Source] = []
    people: list[str] = []
    problems: list[Problem] = []
    for line, text, person in _rows(listing):
        try:
            source = _source(text, file, root)
        except ValueError as error:
            raise wrong(listing, line, error) from None
        if not person or person in _MISSING or not person.isprintable():
            raise wrong(listing, line, f"expected the name of a person ({person!r})")
        earlier, name = seen.setdefault(source, (line, person))
        if name != person:
            raise TrainingError(
                f"{file}, line {line}: {text} shows {person}, but {name} in line {earlier}"
            )
        if earlier != line:
            problems.append(Problem(file, f"line {line} repeats line {earlier}, and counts once"))
            continue
        trouble = _trouble(source)
        if trouble is None:
            sources.append(source)
            people.append(person)
        else:
            problems.append(Problem(file_of(source), f"{trouble} ({file.name}, line {line})"))
    if not sources:
        if not problems:
            raise TrainingError(f"{file}: lists no picture; expected lines `path,person`")
        raise TrainingError(
            f"{file}: none of the {len(seen)} pictures that it lists can be read, for example "
            f"{problems[0]}; are paths relative to {root or file.parent}?"
        )
    return index_of(tuple(sources), people, problems)


def write_csv(index: FaceIndex, file: Path) -> None:
    """Write an index so that `read_csv(file)` reads it again; the file is replaced whole.

    Pictures below the folder of the file have paths relative to it, others absolute ones. Problems
    are not written.

    Raises:
        TrainingError: a path or name would not be read as it is (spaces around it, a line break,
            not UTF-8, "nan"); names it.
        OSError: the file cannot be written.
    """
    folder = file.absolute().parent
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADINGS)
    for source, label in zip(index.sources, index.labels.tolist(), strict=True):
        path, person = _written(source, folder), index.names[label]
        try:
            f"{path}{person}".encode()
            fits = _source(path, file, None) == _placed(source)
        except ValueError:
            fits = False
        if not fits or path != path.strip() or not path.isprintable():
            raise TrainingError(f"{str(source)!r}: no path that a CSV file can have; rename it")
        if person in ("", *_MISSING) or person != person.strip() or not person.isprintable():
            raise TrainingError(f"{person!r}: no name that a CSV file can have; rename the person")
        writer.writerow((path, person))
    replace_file(file, text.getvalue().encode())


def _written(source: Source, folder: Path) -> str:
    path = file_of(source).absolute()
    if path.is_relative_to(folder):
        path = path.relative_to(folder)
    end = f"#{source.offset}" if isinstance(source, RecordRef) else ""
    return f"{path.as_posix()}{end}"


def _placed(source: Source) -> Source:
    """A source by the path that `_source` gives it."""
    if isinstance(source, RecordRef):
        return RecordRef(source.file.absolute(), source.offset)
    return source.absolute()


def _source(text: str, file: Path, root: Path | None) -> Source:
    """What a cell names.

    Raises:
        ValueError: it leads out of the folder, or is empty.
    """
    record = _RECORD.fullmatch(text)
    path = _path(record[1] if record else text, file, root)
    # A file may be called so itself.
    if record and not path.with_name(f"{path.name}#{record[2]}").exists():
        if len(record[2]) > 2 * MOST_DIGITS:
            raise ValueError("expected the byte at which a record begins")
        return RecordRef(path, int(record[2]))
    return _path(text, file, root)


def _path(text: str, file: Path, root: Path | None) -> Path:
    absolute = Path(text).is_absolute() or PureWindowsPath(text).drive
    if root is None and absolute:
        if ".." in Path(text).parts:
            raise ValueError("expected a path without `..`")
        return Path(text)
    below = (file.parent if root is None else root).absolute()
    return below / path_below(below, text)


def _trouble(source: Source) -> str | None:
    trouble = trouble_with(file_of(source))
    if trouble is None and isinstance(source, RecordRef):
        try:
            opened(source.file).labels(source.offset)
        except TrainingError as error:
            return str(error)
    return trouble


def _rows(listing: TextList) -> Iterator[tuple[int, str, str]]:
    """Line, path and person of each row."""
    table = _records(listing)
    line, first = next(table, (1, []))
    columns, headed = _columns(listing, first)
    if not headed:
        yield line, first[columns["path"]], first[columns["person"]]
    for line, cells in table:
        if len(cells) != len(first):
            raise wrong(listing, line, f"expected {len(first)} columns, as in line 1")
        yield line, cells[columns["path"]], cells[columns["person"]]


def _records(listing: TextList) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of each row that is not blank."""
    line = 1
    try:
        # Quoted separators count for nothing, so each is tried as the reader would take it.
        first = [next(csv.reader(listing.lines[:1], delimiter=each), []) for each in _SEPARATORS]
        separator = _SEPARATORS[int(np.argmax([len(cells) for cells in first]))]
        whole = io.StringIO("\n".join(listing.lines), newline="")
        reader = csv.reader(whole, delimiter=separator, strict=True)
        for cells in reader:
            if any(cells):
                yield line, [cell.strip() for cell in cells]
            line = reader.line_num + 1
    except csv.Error as error:
        raise wrong(listing, min(line, len(listing.lines)), f"not a CSV file ({error})") from None


def _columns(listing: TextList, first: list[str]) -> tuple[dict[str, int], bool]:
    """The place of each column, and whether the first line names them."""
    named = [_COLUMN.get(cell.lower()) for cell in first]
    if set(_HEADINGS) <= set(named):
        if any(named.count(column) > 1 for column in _HEADINGS):
            raise wrong(listing, 1, "expected one column of paths and one of people")
        return {column: named.index(column) for column in _HEADINGS}, True
    if len(first) != len(_HEADINGS):
        raise wrong(listing, 1, "expected the columns path and person")
    return {column: place for place, column in enumerate(_HEADINGS)}, False
