"""Tables in a folder of chips: which photos have none and why, and which show several faces."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from facewise._files import begins_with
from facewise.aligning.drafts import Drafts
from facewise.errors import AlignError

if TYPE_CHECKING:
    from facewise.aligning.run import Work

PROBLEMS_FILE = "problems.csv"
"""Which photos have no chip, and why."""

SEVERAL_FILE = "several.csv"
"""Which photos show several faces, how many, and which of them was cut."""


_HEADERS = {PROBLEMS_FILE: ("path", "reason"), SEVERAL_FILE: ("path", "faces", "policy")}


def require_own_lists(out: Path) -> None:
    """Make sure that what is there under the names of the tables was written by facewise.

    Raises:
        AlignError: it was not.
    """
    for name, header in _HEADERS.items():
        if not begins_with(out / name, ",".join(header).encode()):
            raise AlignError(
                f"{out / name}: is there, and facewise has not written it; it is not replaced. "
                "Choose another folder"
            )


def write_lists(work: Work) -> None:
    """Write both; the second one only if there is something to say.

    Raises:
        OSError: they cannot be written.
    """
    drafts = Drafts(work.out)
    failures = [(failure.task.photo.name, failure.reason) for failure in work.failures]
    _write(drafts, work.out / PROBLEMS_FILE, failures)
    several = [(each.task.photo.name, each.faces, work.choice) for each in work.several]
    if several:
        _write(drafts, work.out / SEVERAL_FILE, several)
    else:
        (work.out / SEVERAL_FILE).unlink(missing_ok=True)
    drafts.close()


def _write(drafts: Drafts, file: Path, rows: Iterable[tuple[object, ...]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADERS[file.name])
    writer.writerows(rows)
    drafts.write(file, text.getvalue().encode("utf-8", "surrogateescape"))
