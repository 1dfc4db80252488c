"""Pairs of one's own, as a CSV file: `image_a,image_b,same`, and perhaps folds and people.

The separator is a comma, a semicolon or a tab. A first line of headings may name the columns, in
any order and case; other columns are ignored. Without it there are three columns or four, in the
order of the example. Images are paths below the folder of images.

    image_a,image_b,same,fold
    ann/1.jpg,ann/2.jpg,1,1
    ann/1.jpg,bob/1.jpg,0,1
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facewise.evaluation.protocols.pairs import PairProtocol
from facewise.evaluation.protocols.reading import (
    Absent,
    PairList,
    TextList,
    check_pair,
    csv_records,
    existing,
    is_number,
    path_below,
    read_list,
    sha256_of,
)

_MOST_FOLDS = 10
_HEADINGS = {
    "image_a": ("image_a", "a", "left", "file1", "path1"),
    "image_b": ("image_b", "b", "right", "file2", "path2"),
    "same": ("same", "label", "issame", "genuine"),
    "fold": ("fold", "split"),
    "person_a": ("person_a",),
    "person_b": ("person_b",),
}
_COLUMN = {heading: column for column, known in _HEADINGS.items() for heading in known}
_NEEDED = ("image_a", "image_b", "same")
_POSITIONS = (*_NEEDED, "fold")
_SAME = {
    **dict.fromkeys(("1", "true", "yes", "same"), True),
    **dict.fromkeys(("0", "false", "no", "different"), False),
}


class _Row(NamedTuple):
    """A pair: its line, images, label, fold and people; the latter two where there are columns."""

    line: int
    images: tuple[str, str]
    same: bool
    fold: int | None
    people: tuple[str, str] | None


def read_pairs_csv(
    pairs: Path, images: Path, folds: int | None = None, *, absent: Absent | None = None
) -> PairProtocol:
    """Read a table of pairs and find the images it names, before anything is computed.

    Without a column of folds the pairs are dealt to ten, or to as many as there are pairs of the
    rarer kind, in turn and in the order of the file, genuine and impostor pairs apart; one person
    may then stand in several folds (`PairProtocol.folds_given`). A pair that is listed again, in
    either order, is left out. A remark says of both.

    Whom images show is what the columns `person_a` and `person_b` say. Without them it is the name
    of the folder of each image, if every image lies in one below `images` and no label contradicts
    it.

    Args:
        pairs: the file.
        images: the folder that paths begin in; absolute paths must lead into it.
        folds: use only the first so many folds; by default all.
        absent: says of an image's path below `images` whether it may be missing, being a chip of
            a picture in which no face was found; by default none may.

    Raises:
        ProtocolError: the file cannot be read or is not of this form, a path leads out of the
            folder, an image is paired with itself, labels contradict each other or the people (the
            message names file and line); a kind of pairs is lacking, there are fewer folds, or
            images are missing.
    """
    listing = read_list(pairs)
    every = list(_read_rows(listing, images))
    rows = _once(listing, every)
    remarks = []
    if len(rows) < len(every):
        again = len(every) - len(rows)
        remarks.append(f"{again} of {len(every)} pairs are listed again, and count once")
    same = np.array([row.same for row in rows], np.bool_)
    given = [row.fold for row in rows if row.fold is not None]
    if given:
        _, of_fold = np.unique(given, return_inverse=True)
    else:
        total = max(1, min(_MOST_FOLDS, int(same.sum()), int((~same).sum())))
        of_fold = np.empty(len(rows), np.intp)
        for which in (same, ~same):
            of_fold[which] = np.arange(np.count_nonzero(which)) % total
        remarks.append(
            f"the file gives no folds: its pairs were dealt to {total} in turn, in their order"
            + (", and one person may stand in several" if total > 1 else "")
        )
    protocol = PairList(
        name="pairs",
        file=pairs,
        sha256=sha256_of([listing.content]),
        pairs=[row.images for row in rows],
        same=same,
        folds=of_fold,
        people=_people(listing, rows) or _folders(rows),
        remarks=tuple(remarks),
    ).protocol(images, lambda image: existing(images / image), folds, absent=absent)
    return replace(protocol, folds_given=bool(given))


def _read_rows(listing: TextList, root: Path) -> Iterator[_Row]:
    """All pairs in order."""
    table = csv_records(listing)
    line, first = next(table, (1, []))
    columns, headed = _columns(listing, first)
    if not headed:
        yield _row(listing, line, first, columns, root)
    for line, cells in table:
        if len(cells) != len(first):
            raise listing.wrong(line, f"expected {len(first)} columns, as in line 1")
        yield _row(listing, line, cells, columns, root)


def _columns(listing: TextList, first: list[str]) -> tuple[dict[str, int], bool]:
    """Where each column is, and whether the first line says so."""
    named = [_COLUMN.get(cell.casefold()) for cell in first]
    columns = {column: place for place, column in enumerate(named) if column is not None}
    form = "expected image_a, image_b, same and, if there are any, fold, separated by , ; or tabs"
    if not columns:
        if len(first) not in (3, 4):
            raise listing.wrong(1, form)
        return {column: place for place, column in enumerate(_POSITIONS[: len(first)])}, False
    missing = [column for column in _NEEDED if column not in columns]
    if missing:
        raise listing.wrong(1, f"no column {' or '.join(missing)}; {form}")
    if len(columns) < len(named) - named.count(None):
        raise listing.wrong(1, "two columns of one meaning")
    if ("person_a" in columns) != ("person_b" in columns):
        raise listing.wrong(1, "expected both person_a and person_b, or neither")
    return columns, True


def _row(
    listing: TextList, line: int, cells: list[str], columns: Mapping[str, int], root: Path
) -> _Row:
    value = {column: cells[place] for column, place in columns.items()}
    same = _SAME.get(value["same"].casefold())
    if same is None:
        raise listing.wrong(line, "expected 1/0, true/false, yes/no or same/different")
    if not is_number(value.get("fold", "0")):
        raise listing.wrong(line, "expected a number for the fold")
    fold = int(value["fold"]) if "fold" in columns else None
    people = (value["person_a"], value["person_b"]) if "person_a" in columns else None
    if people is not None and not all(people):
        raise listing.wrong(line, "expected two people")
    try:
        images = (path_below(root, value["image_a"]), path_below(root, value["image_b"]))
        # Where nobody says whom the images show, the label is taken for true.
        check_pair(images, same, people or ("one", "one" if same else "another"))
    except ValueError as error:
        raise listing.wrong(line, error) from None
    return _Row(line, images, same, fold, people)


def _once(listing: TextList, rows: list[_Row]) -> list[_Row]:
    """The first row of each pair."""
    first: dict[tuple[str, str], _Row] = {}
    for row in rows:
        a, b = row.images
        earlier = first.setdefault((min(a, b), max(a, b)), row)
        if earlier.same != row.same:
            raise listing.wrong(row.line, f"contradicts line {earlier.line}")
    return list(first.values())


def _people(listing: TextList, rows: list[_Row]) -> dict[str, str] | None:
    """Whom each image shows, as the columns say, or None without them."""
    people: dict[str, str] = {}
    for row in rows:
        if row.people is None:
            return None
        for image, person in zip(row.images, row.people, strict=True):
            if people.setdefault(image, person) != person:
                raise listing.wrong(
                    row.line, f"{image} shows {person}, but {people[image]} in an earlier line"
                )
    return people


def _folders(rows: list[_Row]) -> dict[str, str] | None:
    """Whom each image shows by the name of its folder, or None where that cannot be."""
    people: dict[str, str] = {}
    for row in rows:
        if not all("/" in image for image in row.images):
            return None
        a, b = (image.split("/")[-2] for image in row.images)
        if (a == b) != row.same:
            return None
        people.update(zip(row.images, (a, b), strict=True))
    return people
