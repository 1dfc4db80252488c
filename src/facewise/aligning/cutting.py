"""What a worker does with some photos: read, find, cut, write."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from facewise.aligning.chip_file import ChipFacts, encoded, facts_of
from facewise.aligning.failures import Known
from facewise.aligning.places import chip_of, size_of
from facewise.aligning.state import obstacle
from facewise.errors import FacewiseError
from facewise.images import load

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facewise.aligning.cutter import Cutter, Found
    from facewise.aligning.drafts import Drafts
    from facewise.aligning.places import Task

_ONLY_HERE = frozenset({errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL,
                        errno.EILSEQ, errno.ENOTEMPTY})  # fmt: skip
"""Errors of one place, that say nothing of the next one."""


class Looked(NamedTuple):
    """What became of a photo.

    Attributes:
        failure: why it has no chip, or None.
        lasting: the failure lies in the photo's content, so it would be the same again.
        faces: how many it shows.
        cut: how many chips were written.
    """

    failure: Known | None
    lasting: bool = False
    faces: int = 0
    cut: int = 0


class Worker:
    """Cuts photos, for several threads at once.

    Args:
        cutter: finds, chooses and cuts.
        out: the folder of chips.
        suffix: of the chips.
        drafts: writes them.
    """

    def __init__(self, cutter: Cutter, out: Path, suffix: str, drafts: Drafts) -> None:
        self._cutter = cutter
        self._out = out
        self._suffix = suffix
        self._drafts = drafts
        self._all = cutter.choice == "all"

    def look(self, tasks: Sequence[tuple[Task, bool]]) -> list[Looked]:
        """Write the chips of some photos, unless they are there.

        Args:
            tasks: photos, and whether their chips are there.

        Raises:
            OSError: nothing can be written to the folder.
        """
        results: dict[int, Looked] = {}
        opened: dict[int, NDArray[np.uint8]] = {}
        for place, (task, _) in enumerate(tasks):
            try:
                content = task.photo.read()
            except (FacewiseError, OSError, ValueError) as error:  # may be better tomorrow
                results[place] = Looked(Known(_said(error, task), False))
                continue
            try:
                opened[place] = load(content, name=task.photo.name)
            except FacewiseError as error:
                results[place] = Looked(Known(_said(error, task), False), lasting=True)
        for (place, _), found in zip(opened.items(), self._cut(list(opened.values())), strict=True):
            task, is_there = tasks[place]
            if isinstance(found, Exception):
                results[place] = Looked(Known(f"the models failed ({_text(found)})", False))
            elif not len(found.faces):
                reason = "no face found"
                if found.count:
                    reason = f"{found.count} faces, none that counts ({self._cutter.choice})"
                results[place] = Looked(Known(reason, True), lasting=True)
                self._remove(task)
            elif is_there:
                results[place] = Looked(None, faces=found.count, cut=len(found.faces))
            else:
                results[place] = self._write(task, found)
        return [results[place] for place in range(len(tasks))]

    def _cut(self, images: list[NDArray[np.uint8]]) -> list[Found | Exception]:
        """What is found in some photos; those that the models fail for do not spoil the others."""
        if not images:
            return []
        try:
            return list(self._cutter.cut(images))
        except Exception as error:
            if len(images) == 1:
                return [error]
        return [self._cut([image])[0] for image in images]

    def _write(self, task: Task, found: Found) -> Looked:
        count, size = len(found.faces), size_of(task.photo)
        places = [
            chip_of(self._out, task, self._suffix, face if self._all else None)
            for face in range(count)
        ]
        for place in places:
            if (problem := obstacle(place)) is not None:
                return Looked(Known(problem, False))
        for face in reversed(range(count)):  # the first one is there only if all are
            facts = ChipFacts(
                source=task.source,
                bytes=size,
                faces=found.count,
                face=face,
                cut=count,
                score=round(float(found.faces.scores[face]), 4),
                box=tuple(round(float(v), 2) for v in found.faces.boxes[face]),  # type: ignore[arg-type]
                rectangle=tuple(found.rectangles[face].tolist()),
            )
            try:
                self._drafts.write(places[face], encoded(found.chips[face], self._suffix, facts))
            except OSError as error:
                if error.errno not in _ONLY_HERE:
                    raise
                return Looked(Known(f"{places[face]}: cannot be written ({error.strerror})", False))
        if self._all:
            self._remove_further(task, count)
        return Looked(None, faces=found.count, cut=count)

    def _remove(self, task: Task) -> None:
        """Remove the chips of a photo that showed faces once, and does not any more."""
        if self._all:
            self._remove_further(task, 0)
            return
        path = chip_of(self._out, task, self._suffix, None)
        with suppress(OSError):
            facts = facts_of(path)
            if facts is not None and facts.source == task.source:
                path.unlink()

    def _remove_further(self, task: Task, face: int) -> None:
        """Remove chips of the same photo when it had more faces."""
        with suppress(OSError):
            while True:
                path = chip_of(self._out, task, self._suffix, face)
                facts = facts_of(path)
                if facts is None or facts.source != task.source:
                    return
                path.unlink()
                face += 1


def _said(error: Exception, task: Task) -> str:
    return _text(error).removeprefix(f"{task.photo.name}: ")


def _text(error: Exception) -> str:
    return str(error).strip().replace("\n", " ")[:300] or type(error).__name__
