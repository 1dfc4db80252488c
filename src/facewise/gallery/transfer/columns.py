"""The columns of tables of faces, in Parquet and CSV: their names, and what their cells mean."""

from __future__ import annotations

import re
from collections import UserDict
from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from facewise.errors import GalleryError
from facewise.gallery.digests import source_text
from facewise.gallery.transfer.rows import Refusal, Row

T = TypeVar("T")

COLUMNS = {
    "person_id": "id",
    "name": "text",
    "notes": "text",
    "consent": "text",
    "retain_until": "day",
    "person_created": "time",
    "face_id": "id",
    "source": "text",
    "sha256": "text",
    "x1": "number",
    "y1": "number",
    "x2": "number",
    "y2": "number",
    "quality": "number",
    "created": "time",
}
"""What there is beside vector and chip, in this order, and of which kind. `source` and `sha256`
together are the source of a face's record (`digests.source_text`)."""

_OTHER_NAMES = {"person": "name", "label": "name", "embedding": "vector", "encoding": "vector"}
"""What others call these columns."""

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Cells(UserDict[str, Any]):
    """The cells of one row by column; None where there is nothing."""


def checked_columns(names: Iterable[str], path: Path, vector: bool = True) -> dict[str, str]:
    """What the columns that are known are called in a file.

    Args:
        names: of all columns of the file.
        path: of the file, for messages.
        vector: whether a column with vectors is needed.

    Raises:
        GalleryError: there is no column of names, or of vectors, or there are two of one.
    """
    found: dict[str, str] = {}
    for name in names:
        ours = _OTHER_NAMES.get(name.strip().lower(), name.strip().lower())
        if ours not in (*COLUMNS, "chip", "vector"):
            continue
        if ours in found:
            raise GalleryError(f"{path}: two columns for {ours}: {found[ours]!r} and {name!r:.60}")
        found[ours] = name
    for ours in ("name", "vector") if vector else ("name",):
        if ours not in found:
            has = ", ".join(f"{name:.40}" for name in list(names)[:20])
            raise GalleryError(f"{path}: no column {ours!r}; it has: {has}")
    return found


def row_of(place: str, cells: Cells, vector: NDArray[np.floating] | None) -> Row | Refusal:
    """The row of some cells, whose values may be of their type, or text.

    Returns:
        A refusal where a cell is not what it should be.
    """
    name = cells.get("name")
    if not isinstance(name, str):
        return Refusal(place, "", f"name: expected text, got {name!r:.60}")
    try:
        chip = cells.get("chip")
        if chip is not None and not isinstance(chip, bytes):
            raise ValueError(f"chip: expected bytes, got {chip!r:.40}")
        return Row(
            place=place,
            name=name,
            vector=vector,
            source=_source(_text(cells, "source"), _text(cells, "sha256")),
            box=_box([_number(cells, side) for side in ("x1", "y1", "x2", "y2")]),
            quality=_number(cells, "quality"),
            created=_time(cells, "created"),
            chip=chip,
            notes=_text(cells, "notes"),
            consent=_text(cells, "consent"),
            retain_until=_day(cells, "retain_until"),
            person_created=_time(cells, "person_created"),
        )
    except ValueError as error:
        return Refusal(place, name, str(error))


def _source(name: str, digest: str) -> str:
    if not digest:
        return name
    if not _DIGEST.match(digest):
        raise ValueError(f"sha256: expected 64 hexadecimal digits, got {digest!r:.80}")
    return source_text(name, digest)


def _box(sides: list[float | None]) -> tuple[float, float, float, float] | None:
    given = [side for side in sides if side is not None]
    if not given:
        return None
    if len(given) < len(sides):
        raise ValueError("box: expected x1, y1, x2 and y2, some are missing")
    return given[0], given[1], given[2], given[3]


def _text(cells: Cells, column: str) -> str:
    value = cells.get(column)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{column}: expected text, got {value!r:.60}")
    return value


def _number(cells: Cells, column: str) -> float | None:
    return _parsed(cells, column, float, "a number")


def _time(cells: Cells, column: str) -> datetime | None:
    def parse(value: Any) -> datetime:
        if not isinstance(value, datetime):  # Python 3.10 knows no Z
            value = datetime.fromisoformat(re.sub(r"[Zz]\Z", "+00:00", value))
        moment: datetime = value
        if moment.utcoffset() is None:
            raise ValueError("no time zone")
        return moment

    return _parsed(cells, column, parse, "a time with a zone, such as 2026-07-01T12:00:00+00:00")


def _day(cells: Cells, column: str) -> date | None:
    def parse(value: Any) -> date:
        if isinstance(value, datetime):
            return value.date()
        return value if isinstance(value, date) else date.fromisoformat(value)

    return _parsed(cells, column, parse, "a date, such as 2027-12-31")


def _parsed(cells: Cells, column: str, parse: Callable[[Any], T], expected: str) -> T | None:
    value = cells.get(column)
    if value is None or value == "":
        return None
    try:
        return parse(value)
    except (TypeError, ValueError):
        raise ValueError(f"{column}: expected {expected}, got {value!r:.60}") from None
