"""Photos that have no chip, kept so that a run that goes on need not look at them again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from facewise.aligning.drafts import Drafts
    from facewise.aligning.places import Photo

_FILE = ".facewise-align.failures"


class Known(NamedTuple):
    """Why a photo has no chip.

    Attributes:
        reason: in words.
        faceless: it could be read, and shows no face that is wanted.
    """

    reason: str
    faceless: bool


class FailureLog:
    """A line of JSON for each failure that lies in the content of a photo, as they came.

    An entry counts as long as the photo's file has the same size and time. Whatever of the file
    cannot be read is passed over, such as a last line that a killed process has not finished.

    Args:
        out: the folder of chips.
        forget: begin anew.
    """

    def __init__(self, out: Path, *, forget: bool = False) -> None:
        self._path = out / _FILE
        self._known: dict[str, tuple[list[int], Known]] = {}
        with suppress(OSError):
            if forget:
                self._path.unlink(missing_ok=True)
            for line in self._path.read_bytes().split(b"\n"):
                self._learn(line)

    def get(self, stem: str, photo: Photo) -> Known | None:
        """Why a photo failed before, if it is still the same."""
        entry = self._known.get(stem)
        if entry is None or entry[0] != _mark(photo):
            return None
        return entry[1]

    def add(self, failures: Iterable[tuple[str, Photo, Known]]) -> None:
        """Note some, with one write.

        Raises:
            OSError: they cannot be written.
        """
        text = ""
        for stem, photo, known in failures:
            mark = _mark(photo)
            self._known[stem] = (mark, known)
            text += _line(stem, mark, known)
        if text:
            with self._path.open("a", encoding="ascii") as file:
                file.write(text)

    def tidy(self, stems: Iterable[str], drafts: Drafts) -> None:
        """Write the file anew, with those alone that have failed now, in this order."""
        lines = [_line(stem, *self._known[stem]) for stem in stems if stem in self._known]
        if lines:
            drafts.write(self._path, "".join(lines).encode("ascii"))
        else:
            self._path.unlink(missing_ok=True)

    def _learn(self, line: bytes) -> None:
        with suppress(ValueError, TypeError, RecursionError):
            stem, mark, reason, faceless = json.loads(line)
            self._known[stem] = (mark, Known(reason, faceless))


def _line(stem: str, mark: list[int], known: Known) -> str:
    return json.dumps([stem, mark, known.reason, known.faceless]) + "\n"


def _mark(photo: Photo) -> list[int]:
    """What is no longer equal when somebody has written the file anew."""
    try:
        status = photo.file.stat()
    except (OSError, ValueError):
        return []
    return [status.st_size, status.st_mtime_ns]
