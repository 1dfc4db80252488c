"""A run: the chips of many photos, each written once, on all processors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from facewise.aligning.chip_file import FORMATS
from facewise.aligning.claim import claim
from facewise.aligning.cutting import Looked, Worker
from facewise.aligning.drafts import Drafts
from facewise.aligning.failures import FailureLog, Known
from facewise.aligning.lists import require_own_lists
from facewise.aligning.places import Photo, Task, chip_of, size_of, tasks_of
from facewise.aligning.state import there
from facewise.errors import AlignError
from facewise.runtime.workers import ordered_map

if TYPE_CHECKING:
    from facewise.aligning.cutter import Cutter

Report: TypeAlias = Callable[[int], object]
"""Called with the number of photos that are done."""

_TOGETHER_BYTES = 1 << 20
"""Of the files of photos that a worker has at once: their pixels take some ten times as much."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A photo without a chip.

    Attributes:
        task: the photo.
        reason: why.
        faceless: it could be read, and shows no face that is wanted.
    """

    task: Task
    reason: str
    faceless: bool

    def __str__(self) -> str:
        return f"{self.task.photo.name}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Several:
    """A photo of several faces.

    Attributes:
        task: the photo.
        faces: how many it shows.
    """

    task: Task
    faces: int


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """What became of photos.

    Attributes:
        out: the folder of chips.
        suffix: of the chips.
        choice: which face of a photo was cut.
        tasks: all photos.
        failures: those without a chip, in order.
        several: those with several faces, in order.
        cut: how many photos were cut.
        kept: how many had their chips from an earlier run.
        chips: files that there are now.
    """

    out: Path
    suffix: str
    choice: str
    tasks: Sequence[Task]
    failures: tuple[Failure, ...]
    several: tuple[Several, ...]
    cut: int
    kept: int
    chips: int


def align_photos(
    photos: Iterable[tuple[Photo, str]],
    cutter: Cutter,
    out: Path,
    *,
    suffix: str = ".png",
    origin: Path | None = None,
    retry_failed: bool = False,
    report: Report | None = None,
) -> Work:
    """Write the chips of photos into a folder, as the photos lie in theirs.

    Each chip is written whole or not at all. One that is there, was cut from a photo of this path
    and size, and is not older than it, is not cut again; nor is a photo looked at again that showed
    no face. So an interrupted run goes on where it stopped, and comes to the same files: photos
    that were looked at together are so again. A picture that is no chip of facewise is never
    replaced.

    Args:
        photos: each with its path below the folder of photos, with `/`.
        cutter: finds, chooses and cuts.
        out: the folder of chips.
        suffix: ".png" or ".webp", both without loss.
        origin: the folder of photos, if the folder of chips is to have those of one alone.
        retry_failed: look again at photos that failed before.
        report: called with the number of photos that are done, as they are.

    Raises:
        AlignError: another suffix; or the folder holds chips that were cut with other settings or
            of other photos, or somebody else's tables; all before anything is done.
        OSError: the folder cannot be written.
    """
    if suffix not in FORMATS:
        raise AlignError(f"suffix: expected {' or '.join(FORMATS)}, got {suffix!r}")
    tasks = tasks_of(photos, suffix)
    drafts = Drafts(out)
    require_own_lists(out)
    claim(out, cutter, suffix, drafts, origin)
    log = FailureLog(out, forget=retry_failed)
    run = _Run(tasks, cutter, out, suffix, log)
    todo = [numbers for numbers in _handfuls(tasks, cutter.together) if not run.is_known(numbers)]
    done = len(tasks) - sum(map(len, todo))
    if report is not None:
        report(done)
    worker = Worker(cutter, out, suffix, drafts)

    def look(numbers: Sequence[int]) -> list[Looked]:
        return worker.look([(tasks[n], n in run.current) for n in numbers])

    try:
        with closing(ordered_map(look, todo)) as results:
            for numbers, looked in zip(todo, results, strict=True):
                run.take(numbers, looked)
                done += len(numbers)
                if report is not None:
                    report(done)
        log.tidy((tasks[number].stem for number in sorted(run.failed)), drafts)
    finally:
        drafts.close()
    return run.work()


class _Run:
    """What is known of each photo, by its number."""

    def __init__(
        self, tasks: Sequence[Task], cutter: Cutter, out: Path, suffix: str, log: FailureLog
    ) -> None:
        self._tasks = tasks
        self._where = (out, suffix, cutter.choice)
        self._log = log
        self.current: set[int] = set()
        self.failed: dict[int, Known] = {}
        self._several: dict[int, int] = {}
        self._cut = self._chips = 0

    def is_known(self, numbers: Sequence[int]) -> bool:
        """Whether nothing is to be done for some photos; notes what is there."""
        missing = False
        out, suffix, choice = self._where
        for number in numbers:
            task = self._tasks[number]
            facts = there(chip_of(out, task, suffix, 0 if choice == "all" else None), task)
            if facts is not None:
                self.current.add(number)
                self._note(number, facts.faces, facts.cut)
            elif (known := self._log.get(task.stem, task.photo)) is not None:
                self.failed[number] = known
            else:
                missing = True
        return not missing

    def take(self, numbers: Sequence[int], looked: Sequence[Looked]) -> None:
        """Note what became of some photos that were looked at."""
        noted = []
        for number, found in zip(numbers, looked, strict=True):
            if number in self.current:
                continue  # it was looked at for the sake of others
            task = self._tasks[number]
            self.failed.pop(number, None)
            if found.failure is None:
                self._cut += 1
                self._note(number, found.faces, found.cut)
                continue
            self.failed[number] = found.failure
            if found.lasting:
                noted.append((task.stem, task.photo, found.failure))
        self._log.add(noted)

    def work(self) -> Work:
        out, suffix, choice = self._where
        tasks = self._tasks
        return Work(
            out,
            suffix,
            choice,
            tasks,
            tuple(Failure(tasks[n], *self.failed[n]) for n in sorted(self.failed)),
            tuple(Several(tasks[n], self._several[n]) for n in sorted(self._several)),
            self._cut,
            len(self.current),
            self._chips,
        )

    def _note(self, number: int, faces: int, cut: int) -> None:
        self._chips += cut
        if faces > 1:
            self._several[number] = faces


def _handfuls(tasks: Sequence[Task], most: int) -> Iterator[list[int]]:
    """Photos that a worker takes at once: a few small ones, since detectors like that, or one.

    Always the same ones: in the last bits a box depends on what was looked at together with it.
    """
    some: list[int] = []
    weight = 0
    for number, task in enumerate(tasks):
        size = size_of(task.photo)
        if some and (len(some) >= most or weight + size > _TOGETHER_BYTES):
            yield some
            some, weight = [], 0
        some.append(number)
        weight += size
    if some:
        yield some
