"""Take away what was made, if it is still what was made."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from facewise.curation.placing.digests import file_sha256, holds
from facewise.curation.placing.holding import held
from facewise.curation.placing.journal import Entry, read_journal, standing
from facewise.errors import CurationError

DRAFT_MARK = "placing."
"""In the names of files that are being written."""


@dataclass(slots=True)
class Undone:
    """What became of an undo.

    Attributes:
        removed: files that were taken away.
        folders: empty folders that were taken away.
        missing: files that were not there any more.
        left: what was left, a sentence each that names the file and says why.
    """

    removed: int = 0
    folders: int = 0
    missing: int = 0
    left: list[str] = field(default_factory=list)


def undo(journal: str | os.PathLike[str]) -> Undone:
    """Take away everything that a journal says was made, and then the journal.

    What was changed since stays, and so does a copy whose original is gone; the journal stays too
    then, and `undo` can be called again.

    Args:
        journal: of `place`.

    Raises:
        CurationError: it is missing, or no journal; another process is using it; or the folder was
            moved, so that nothing which it lists is there.
    """
    path = Path(journal)
    if not path.is_file():
        raise CurationError(f"{path}: no such journal")
    with held(path):
        return _undo(path)


def _undo(path: Path) -> Undone:
    head, lines = read_journal(path)
    entries = standing(lines)
    _require_not_moved(path, head.get("at"), entries.values())
    remove_drafts(entries.values())
    done = Undone()
    for entry in entries.values():
        if entry.kind == "folder":
            continue
        if not os.path.lexists(entry.target):
            done.missing += 1
            continue
        why = take_away(entry)
        if why is None:
            done.removed += 1
        else:
            done.left.append(why)
    if not done.left:
        path.unlink()
    done.folders = len(remove_empty(entries.values()))
    return done


def _require_not_moved(path: Path, at: object, entries: Iterable[Entry]) -> None:
    here = os.path.abspath(path)  # noqa: PTH100 - `resolve` would follow links
    if not isinstance(at, str) or at == here:
        return
    files = [entry.target for entry in entries if entry.kind != "folder"]
    if files and not any(map(os.path.lexists, files)):
        raise CurationError(
            f"{path}: was moved from {at}, and none of the {len(files):,} files that it lists is "
            "where it was; move the folder back to undo it"
        )


def is_ours(entry: Entry) -> bool:
    """Whether a target is there, and is what was made."""
    target, source = Path(entry.target), Path(entry.source)
    try:
        if is_same_place(target, source):
            return False
        if entry.kind == "symlink":
            return target.is_symlink() and os.readlink(target) == entry.source  # noqa: PTH115
        if target.is_symlink() or not target.is_file():
            return False
        if entry.kind == "hardlink":
            return source.exists() and target.samefile(source)
        return file_sha256(target) == entry.sha256
    except OSError:
        return False


def is_same_place(one: Path, other: Path) -> bool:
    """Whether two paths are the same entry of the same folder, by whatever links."""
    return one.name == other.name and one.parent.resolve() == other.parent.resolve()


def take_away(entry: Entry, *, outdated: bool = False) -> str | None:
    """Remove a target.

    Args:
        entry: what was made.
        outdated: also a copy of what its original was before it was edited.

    Returns:
        None, or why it was left.
    """
    target = Path(entry.target)
    if not is_ours(entry):
        return f"{target}: was changed since, and was left"
    source = Path(entry.source)
    if entry.kind != "symlink" and source.resolve() == target.resolve():
        return f"{target}: its original {source} is a link to it by now; it was left"
    edited = outdated and source.is_file()
    if entry.kind == "copy" and not edited and not holds(source, entry.sha256):
        return f"{target}: its original {entry.source} is gone or was changed; it was left"
    try:
        target.unlink()
    except OSError as error:
        return f"{target}: {error.strerror or error}"
    return None


def remove_empty(entries: Iterable[Entry]) -> list[Entry]:
    """Remove the folders among entries that are empty, the inner ones first; tells which."""
    gone = []
    for entry in sorted(
        (entry for entry in entries if entry.kind == "folder"), key=lambda e: -len(e.target)
    ):
        try:
            Path(entry.target).rmdir()
        except OSError:
            continue
        gone.append(Entry("gone", entry.target))
    return gone


def remove_drafts(entries: Iterable[Entry]) -> None:
    """Remove what a killed run left half-written, beside where it was to be."""
    for folder in {Path(entry.target).parent for entry in entries}:
        for draft in folder.glob(f".*.{DRAFT_MARK}*.part"):
            draft.unlink(missing_ok=True)
