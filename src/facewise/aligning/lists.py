"""Tables in a folder of chips: which photos have none and why, and which show several faces."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from facewise.aligning.drafts import Drafts

if TYPE_CHECKING:
    from facewise.aligning.run import Work

PROBLEMS_FILE = "problems.csv"
"""Which photos have no chip, and why."""

SEVERAL_FILE = "several.csv"
"""Which photos show several faces, how many, and which of them was cut."""


def write_lists(work: Work) -> None:
    """Write both; the second one only if there is something to say.

    Raises:
        OSError: they cannot be written.
    """
    drafts = Drafts(work.out)
    failures = [(failure.task.photo.name, failure.reason) for failure in work.failures]
    _write(drafts, work.out / PROBLEMS_FILE, ("path", "reason"), failures)
    several = [(each.task.photo.name, each.faces, work.choice) for each in work.several]
    if several:
        _write(drafts, work.out / SEVERAL_FILE, ("path", "faces", "policy"), several)
    else:
        (work.out / SEVERAL_FILE).unlink(missing_ok=True)
    drafts.close()


def _write(
    drafts: Drafts, file: Path, header: tuple[str, ...], rows: Iterable[tuple[object, ...]]
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    drafts.write(file, text.getvalue().encode("utf-8", "surrogateescape"))
