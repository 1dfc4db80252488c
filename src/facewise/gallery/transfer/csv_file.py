"""CSV, for spreadsheets and pandas: a row for each face, a column for each number of its vector.

Columns as in `columns`, then `v0`, `v1`, …; a person without faces has no numbers. UTF-8 with a
byte order mark, without which Excel takes it for something else; commas; nine digits of each
number, from which float32 comes back as it was. Read are also files with `;` or tabs, and vectors
as JSON in one column.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facewise.gallery.digests import digest_in, name_in
from facewise.gallery.transfer.columns import COLUMNS, Cells, row_of
from facewise.gallery.transfer.csv_table import Layout, opened_table
from facewise.gallery.transfer.formulas import as_given, as_text
from facewise.gallery.transfer.rows import Given, Refusal, Row, Survey

if TYPE_CHECKING:
    from facewise.gallery.transfer.leaving import Outgoing

_TEXTS = ("name", "notes", "consent", "source")


def write(path: Path, leaving: Outgoing) -> None:
    """Write all people and faces."""
    d = leaving.facts.embedding_size
    numbers, nothing = ",".join(["%.9g"] * d), [""] * d
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow([*COLUMNS, *(f"v{i}" for i in range(d))])
        for row in leaving.rows():
            vector = nothing
            if row.vector is not None:
                vector = (numbers % tuple(row.vector.tolist())).split(",")
            table.writerow([*_about(row), *vector])


def survey(given: Given) -> Survey:
    """Look at all rows, but for their numbers.

    Raises:
        GalleryError: it is no table of faces, or of vectors of another length.
    """
    count = 0
    with opened_table(given.path) as (layout, records):
        if layout.numbers and len(layout.numbers) != given.dimension:
            raise given.other_length(f"{given.path}: its vectors", len(layout.numbers))
        for line, record in records:
            count += 1
            if layout.numbers or len(record) != len(layout.header):
                continue
            vector = _json_vector(record[layout.place["vector"]])
            if isinstance(vector, np.ndarray) and len(vector) != given.dimension:
                name = record[layout.place["name"]]
                place = f"{given.path}: line {line} ({name:.80})"
                raise given.other_length(place, len(vector))
    return Survey(count)


def read(given: Given) -> Iterator[Row | Refusal]:
    """The rows, one after another.

    Raises:
        GalleryError: the file is damaged.
    """
    with opened_table(given.path) as (layout, records):
        for line, record in records:
            yield _row(f"line {line}", layout, record)


def _row(place: str, layout: Layout, record: Sequence[str]) -> Row | Refusal:
    if len(record) != len(layout.header):
        return Refusal(place, "", f"{len(record)} cells, expected {len(layout.header)}")
    cells = Cells({name: record[i] for name, i in layout.place.items() if name != "chip"})
    for name in _TEXTS:
        if name in cells:
            cells[name] = as_given(cells[name])
    if layout.numbers:
        vector = _numbers([record[i] for i in layout.numbers])
    else:
        vector = _json_vector(record[layout.place["vector"]])
    if isinstance(vector, str):
        return Refusal(place, cells["name"], vector)
    return row_of(place, cells, vector)


def _numbers(cells: Sequence[str]) -> NDArray[np.float64] | str | None:
    if not any(cells):
        return None
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError as error:
        return f"vector: expected {len(cells)} numbers ({error!s:.80})"


def _json_vector(cell: str) -> NDArray[np.float64] | str | None:
    if not cell:
        return None
    try:
        found = json.loads(cell)
        if not isinstance(found, list):
            raise TypeError("no list")
        return np.array([float(number) for number in found])
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        return f"vector: expected a JSON list of numbers ({error!s:.80})"


def _about(row: Row) -> list[str]:
    box = ("", "", "", "") if row.box is None else tuple(map(repr, row.box))
    cells = {
        "person_id": row.person_id,
        "name": as_text(row.name),
        "notes": as_text(row.notes),
        "consent": as_text(row.consent),
        "retain_until": row.retain_until,
        "person_created": row.person_created and row.person_created.isoformat(),
        "face_id": row.face_id,
        "source": as_text(name_in(row.source)),
        "sha256": digest_in(row.source),
        **dict(zip(("x1", "y1", "x2", "y2"), box, strict=True)),
        "quality": row.quality if row.quality is None else repr(row.quality),
        "created": row.created and row.created.isoformat(),
    }
    return ["" if cells[name] is None else str(cells[name]) for name in COLUMNS]
