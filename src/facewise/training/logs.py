"""CSV files that grow with a run, and go back to a checkpoint when it is resumed."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from facewise._files import replace_file
from facewise.errors import TrainingError


class CsvLog:
    """A table whose first column is the step; rows are appended.

    Args:
        path: the file; what it holds of steps after `step` is removed, and so is a row that was
            not written to its end.
        columns: of the table, the first being "step".
        step: the last one that counts, 0 for none.

    Raises:
        TrainingError: the file has other columns. It may lack the last ones: those of an earlier
            version, whose cells are empty from then on.
        OSError: it cannot be written.
    """

    def __init__(self, path: Path, columns: Sequence[str], step: int) -> None:
        self.path = path
        self._columns = tuple(columns)
        kept = [row for row in read_log(path, columns) if int(row["step"]) <= step]
        text = io.StringIO()
        writer = csv.DictWriter(text, self._columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
        replace_file(path, text.getvalue().encode())
        self._file = path.open("a", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._file, self._columns, lineterminator="\n")

    def append(self, row: Mapping[str, object]) -> None:
        """Add a row: numbers so that they are read back the same, None as nothing."""
        self._writer.writerow(dict(row))

    def flush(self) -> None:
        """Bring the rows to where other programs see them."""
        self._file.flush()

    def sync(self) -> None:
        """Force the rows to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Bring the rows to the file and close it."""
        self._file.close()


def read_log(path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, str]]:
    """The rows of a log, as texts; none where there is no file.

    Args:
        path: of the file. Its last line is left out if it has no end: a process was killed there.
        columns: that it must have, or None; it may have the first of them alone.

    Raises:
        TrainingError: it has other columns.
    """
    if not path.is_file():
        return
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    reader = csv.DictReader(io.StringIO(whole))
    found = tuple(reader.fieldnames or ())
    if columns is not None and whole and found != tuple(columns)[: len(found)]:
        raise TrainingError(
            f"{path}: expected the columns {','.join(columns)}, got {','.join(found)}"
        )
    yield from reader
