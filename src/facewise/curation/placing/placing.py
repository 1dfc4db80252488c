"""Make copies or links of pictures where a plan wants them."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from facewise._files import part_of, publish
from facewise.curation.placing.digests import file_sha256, holds
from facewise.curation.placing.holding import held
from facewise.curation.placing.journal import Entry, Journal
from facewise.curation.placing.undoing import (
    DRAFT_MARK,
    is_ours,
    remove_drafts,
    remove_empty,
    take_away,
)
from facewise.errors import CurationError

How = Literal["copy", "symlink", "hardlink"]
"""A copy; a link to its path; or a second name of the same file, which costs no space."""

_TAKEN = "there is another file, which was left"
_TOGETHER = 256  # entries that reach the disk at once


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a picture is wanted.

    Attributes:
        source: the picture.
        target: absolute path of the copy or link.
    """

    source: Path
    target: Path


@dataclass(slots=True)
class Placed:
    """What became of a plan.

    Attributes:
        made: targets that were made.
        kept: targets that were there already, as wanted.
        removed: targets of an earlier run that the plan does not want, which were taken away.
        problems: what could not be done, a sentence each that names the file.
    """

    made: int = 0
    kept: int = 0
    removed: int = 0
    problems: list[str] = field(default_factory=list)


def place(
    placements: Sequence[Placement],
    journal: str | os.PathLike[str],
    *,
    how: How = "copy",
    made: Mapping[str, Any] | None = None,
    report: Callable[[int], None] = lambda _: None,
) -> Placed:
    """Make what a plan wants; originals are not touched, and no file is overwritten.

    With the journal of an earlier run, what that run made and this plan does not want is taken away
    first, if nobody has changed it since; so decisions can be changed and applied again. A run that
    was killed goes on when it is started again.

    Args:
        placements: all that is wanted, each target once.
        journal: file that lists what is made, for `undo`; outside, or hidden among, the targets.
        how: copies or links.
        made: plain values that say what the run was, for the reader of a new journal.
        report: called with the number of placements that are done.

    Raises:
        CurationError: two placements have one target; or the journal is none, that of another run,
            or another process is using it.
        OSError: the journal cannot be written. What goes wrong with a picture is a problem in the
            result, and does not stop the rest.
    """
    wanted = {_key(each.target): each for each in placements}
    if len(wanted) != len(placements):
        raise CurationError("placements: two pictures have the same target")
    path = Path(journal)
    path.parent.mkdir(parents=True, exist_ok=True)
    with held(path):
        return _place(placements, wanted, Journal(path, made), how, report)


def _place(
    placements: Sequence[Placement],
    wanted: Mapping[str, Placement],
    log: Journal,
    how: How,
    report: Callable[[int], None],
) -> Placed:
    done = Placed()
    _remove_unwanted(log, wanted, how, done)
    known = log.standing()
    originals = {folder.resolve() for folder in {each.source.parent for each in placements}}
    rest = iter(placements)
    finished = 0
    while some := list(islice(rest, _TOGETHER)):
        new = [each for each in some if not _is_there(each, known, how, done)]
        new = [each for each in new if _is_free(each, originals, done)]
        entries = [entry for each in new if (entry := _entry(each, how, done)) is not None]
        log.add([*_folders(entries, log), *entries])
        failed = []
        for entry in entries:
            try:
                _make(entry)
                done.made += 1
            except OSError as error:
                taken = isinstance(error, FileExistsError)
                why = _TAKEN if taken else error.strerror or str(error)
                done.problems.append(f"{entry.target}: {why}")
                failed.append(Entry("gone", entry.target))
        log.add(failed)
        finished += len(some)
        report(finished)
    return done


def _is_there(each: Placement, known: Mapping[str, Entry], how: How, done: Placed) -> bool:
    """Whether the target is there as this or an earlier run made it."""
    entry = known.get(_key(each.target))
    if entry is None or entry.kind != how or entry.source != _key(each.source):
        return False
    if not is_ours(entry) or (how == "copy" and not holds(each.source, entry.sha256)):
        return False
    done.kept += 1
    return True


def _is_free(each: Placement, originals: Container[Path], done: Placed) -> bool:
    """Whether something can be made there; what is somebody else's is left."""
    if each.target.parent.resolve() in originals:
        done.problems.append(f"{each.target}: lies among the originals, by a link; nothing is made")
    elif os.path.lexists(each.target):
        done.problems.append(f"{each.target}: {_TAKEN}")
    else:
        return True
    return False


def _entry(each: Placement, how: How, done: Placed) -> Entry | None:
    try:
        digest = file_sha256(each.source) if how == "copy" else ""
    except OSError as error:
        done.problems.append(f"{each.source}: {error.strerror or error}")
        return None
    return Entry(how, _key(each.target), _key(each.source), digest)


def _folders(entries: Iterable[Entry], log: Journal) -> list[Entry]:
    """The folders that have to be made for some targets, the outer ones first."""
    known = log.standing()
    found: dict[str, Entry] = {}
    for entry in entries:
        for folder in reversed(Path(entry.target).parents):
            name = str(folder)
            if name not in found and name not in known and not folder.exists():
                found[name] = Entry("folder", name)
    return list(found.values())


def _make(entry: Entry) -> None:
    source, target = Path(entry.source), Path(entry.target)
    target.parent.mkdir(parents=True, exist_ok=True)
    if entry.kind == "symlink":
        target.symlink_to(source)
        return
    if entry.kind == "hardlink":
        os.link(source.resolve(), target)  # a name of the picture, not of a link to it
        return
    if os.path.lexists(target):
        raise FileExistsError(str(target))
    part = part_of(target, DRAFT_MARK)
    try:
        shutil.copyfile(source, part)
        with contextlib.suppress(OSError):  # times and permissions are a nicety
            shutil.copystat(source, part)
        publish(part, target, over=False, sync=False)
    finally:
        part.unlink(missing_ok=True)


def _remove_unwanted(log: Journal, wanted: Mapping[str, Placement], how: How, done: Placed) -> None:
    """Take away what an earlier run made and this one does not want, or wants otherwise."""
    gone = []
    remove_drafts(log.standing().values())
    for entry in list(log.standing().values()):
        each = wanted.get(entry.target)
        same = each is not None and entry.kind == how and entry.source == _key(each.source)
        if entry.kind == "folder" or (same and is_ours(entry) and not _is_outdated(entry)):
            continue
        if not os.path.lexists(entry.target):
            gone.append(Entry("gone", entry.target))
            continue
        why = take_away(entry, outdated=each is not None)
        if why is None:
            gone.append(Entry("gone", entry.target))
            done.removed += 1
        elif each is None:
            done.problems.append(why)
    log.add(gone)
    log.add(remove_empty(log.standing().values()))


def _is_outdated(entry: Entry) -> bool:
    """Whether a copy is of what its picture was before somebody edited it."""
    source = Path(entry.source)
    return entry.kind == "copy" and source.is_file() and not holds(source, entry.sha256)


def _key(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - `resolve` would follow links
