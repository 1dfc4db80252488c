"""Pictures that have no row in a file of embeddings, and why."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from facewise._files import begins_with, replace_file

if TYPE_CHECKING:
    from facewise.shards import Shards


class Problem(NamedTuple):
    """A picture without a row.

    Attributes:
        path: of the picture.
        reason: why.
        faceless: it could be read, and shows no face that counts.
    """

    path: str
    reason: str
    faceless: bool

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def problems_of(shards: Shards, root: Path) -> Iterator[Problem]:
    """The pictures of a folder that could not be read, and then those without a face."""
    for failure in shards.failures():
        yield Problem(str(root / failure.key), failure.reason, False)
    for _, key in shards.faceless():
        yield Problem(str(root / key), "no face found", True)


_HEADER = ("path", "reason")


def problems_file(beside: Path) -> Path:
    """Where the problems of an export to a file are listed."""
    return beside.with_name(f"{beside.name}.problems.csv")


def is_problems_file(path: Path) -> bool:
    """Whether nothing is there, or what `write_problems` has written."""
    return begins_with(path, ",".join(_HEADER).encode())


def write_problems(beside: Path, problems: Sequence[Problem]) -> Path | None:
    """Write `FILE.problems.csv`, private as the file is; where there are none, remove an old one.

    Raises:
        OSError: it cannot be written.
    """
    path = problems_file(beside)
    if not problems:
        path.unlink(missing_ok=True)
        return None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    writer.writerows((each.path, each.reason) for each in problems)
    replace_file(path, text.getvalue().encode("utf-8", "surrogateescape"), private=True)
    return path
