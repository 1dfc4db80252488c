"""The journal: what was made in folders, written before it is made.

A file of lines of JSON, the first of which says what it is. A line that a kill has cut off at the
end belongs to something that was not begun.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal, get_args

from facewise._files import replace_file
from facewise.errors import CurationError

FORMAT = "facewise journal"
VERSION = 1

Kind = Literal["folder", "copy", "symlink", "hardlink", "gone"]
"""What was made; `gone`: a file that was made was taken away again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was made, or was about to be.

    Attributes:
        kind: what.
        target: absolute path.
        source: absolute path of the picture; empty for a folder.
        sha256: of a copy's content.
    """

    kind: Kind
    target: str
    source: str = ""
    sha256: str = ""


class Journal:
    """A journal that is added to; made where there is none.

    Args:
        path: the file. One that is empty, as a power cut may leave it, is begun anew.
        made: plain values that say what the run was, kept in the first line of a new journal.

    Raises:
        CurationError: there is a file that is no journal, or that of another run.
        OSError: it cannot be written.
    """

    def __init__(self, path: Path, made: Mapping[str, Any] | None = None) -> None:
        self.path = path
        if path.exists() and path.stat().st_size:
            self.entries = entries_of(path, made)
            _cut_off_half_a_line(path)
            return
        self.entries = []
        head = {
            "format": FORMAT,
            "version": VERSION,
            "at": os.path.abspath(path),  # noqa: PTH100 - `resolve` would follow links
            "made": dict(made or {}),
        }
        replace_file(path, (json.dumps(head) + "\n").encode())

    def add(self, entries: Iterable[Entry]) -> None:
        """Write entries; when this returns they have reached the disk."""
        entries = list(entries)
        if not entries:
            return
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(entry)) + "\n" for entry in entries)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:  # which names no file when the disk is full
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self.entries += entries

    def standing(self) -> dict[str, Entry]:
        """What was made and not taken away, by target, in the order in which it was made."""
        return standing(self.entries)


def entries_of(path: Path, made: Mapping[str, Any] | None) -> list[Entry]:
    """The entries of a journal that may be gone on with.

    Raises:
        CurationError: it is no journal, or that of another run: of other folders or albums.
    """
    head, entries = read_journal(path)
    known = head.get("made") or {}
    if made is not None and known != dict(made) and standing(entries):
        what = ", ".join(f"{key} {value}" for key, value in known.items())
        raise CurationError(
            f"{path}: lists what was placed by another run ({what}); choose another folder, or "
            "undo that one first. (If that was renamed, give it its name back.)"
        )
    return entries


def standing(entries: Iterable[Entry]) -> dict[str, Entry]:
    """As `Journal.standing`."""
    found: dict[str, Entry] = {}
    for entry in entries:
        found.pop(entry.target, None)
        if entry.kind != "gone":
            found[entry.target] = entry
    return found


def read_journal(path: str | PathLike[str]) -> tuple[dict[str, Any], list[Entry]]:
    """The first line: what a run was (`made`) and where it kept its journal (`at`); the entries.

    Raises:
        CurationError: the file is missing, or no journal; names it.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    except FileNotFoundError:
        raise CurationError(f"{path}: no such journal") from None
    except OSError as error:
        raise CurationError(f"{path}: not a journal ({error.strerror})") from None
    head = _json(lines[0]) if lines else None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise CurationError(f"{path}: not a journal of facewise")
    if head.get("version") != VERSION:
        raise CurationError(f"{path}: a journal of version {head.get('version')!r}, not {VERSION}")
    entries = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.endswith("\n"):  # a kill cut it off, so it was not begun
            break
        value = _json(line)
        try:
            entry = Entry(**value)
        except TypeError:
            raise CurationError(f"{path}: line {number} is damaged") from None
        if entry.kind not in get_args(Kind) or not all(isinstance(v, str) for v in astuple(entry)):
            raise CurationError(f"{path}: line {number} is damaged")
        entries.append(entry)
    return head, entries


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _cut_off_half_a_line(path: Path) -> None:
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
