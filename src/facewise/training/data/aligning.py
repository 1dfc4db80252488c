"""Cut the faces of all pictures of an index beforehand: a folder of people, of chips."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from facewise._files import replace_file
from facewise.errors import ImageError, TrainingError
from facewise.images import load
from facewise.recognition.people import Problem
from facewise.runtime.workers import ordered_map
from facewise.training.data.cutting import FORMATS, FaceCutter, encoded
from facewise.training.data.face_index import index_of
from facewise.training.data.record_file import RecordRef
from facewise.training.data.sources import file_of, read_source

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.detection import Detector
    from facewise.evaluation.vectors import Report
    from facewise.training.data.face_index import FaceIndex
    from facewise.training.data.sources import Source
    from facewise.zoo import ModelSpec

SETTINGS_FILE = ".facewise-align.json"
"""In the folder of chips: what they were cut with."""

PROBLEMS_FILE = "problems.csv"
"""In the folder of chips: which pictures have none, and why."""

_TOGETHER_BYTES = 1 << 20
"""Of the files of photos that a worker has at once: their pixels take some ten times as much."""

_LONGEST = 255  # bytes of a file's name, on most file systems


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """What became of the pictures of an index.

    Attributes:
        index: of the chips; its problems are those of the pictures' index, and the failures.
        failures: pictures that cannot be read or show no face.
        cut: how many chips were made.
        kept: how many were there already, from an earlier run.
    """

    index: FaceIndex
    failures: tuple[Problem, ...]
    cut: int
    kept: int


class _Task(NamedTuple):
    """A picture, and where its chip goes."""

    source: Source
    chip: Path


def align_all(
    index: FaceIndex,
    detector: Detector,
    spec: ModelSpec,
    out: Path,
    *,
    suffix: str = ".png",
    report: Report | None = None,
) -> Aligned:
    """Write the chip of each picture's most central face to `out/PERSON/…`.

    Below the folder of a person chips lie as the pictures do, and have their names with another
    suffix; a number is added where two would have the same name. Each chip is written whole or not
    at all. One that is there, and not older than its picture, is not cut again, so an interrupted
    run goes on where it stopped; failures are tried again. They are listed in
    `out/problems.csv`. The folder can be read by `read_folder`.

    Args:
        index: the pictures; all processors work on them.
        detector: finds the faces.
        spec: of the model that the chips are for.
        out: the folder of chips.
        suffix: ".png" or ".webp", both without loss.
        report: called with the number of pictures that are done, as they are.

    Raises:
        TrainingError: the folder holds chips that were cut with other settings or a person has a
            name that no folder can have, both before anything is done; or no picture shows a face.
        OSError: a chip cannot be written.
    """
    if suffix not in FORMATS:
        raise TrainingError(f"suffix: expected {' or '.join(FORMATS)}, got {suffix!r}")
    cutter = FaceCutter(detector, spec)
    tasks = _tasks(index, out, suffix)
    _claim(out, cutter)
    todo = [number for number, task in enumerate(tasks) if not _is_current(task)]
    reasons: dict[int, str] = {}
    done = len(tasks) - len(todo)
    kept = done

    def cut_some(numbers: Sequence[int]) -> list[str | None]:
        return _cut_some([tasks[number] for number in numbers], cutter)

    handfuls = list(_handfuls(todo, tasks, cutter.together))
    with closing(ordered_map(cut_some, handfuls)) as results:
        for numbers, found in zip(handfuls, results, strict=True):
            pairs = zip(numbers, found, strict=True)
            reasons |= {number: reason for number, reason in pairs if reason is not None}
            done += len(numbers)
            if report is not None:
                report(done)
    failures = tuple(
        Problem(file_of(tasks[number].source), reason) for number, reason in sorted(reasons.items())
    )
    _list(out / PROBLEMS_FILE, [(tasks[number].source, reasons[number]) for number in reasons])
    chips = [number for number in range(len(tasks)) if number not in reasons]
    if not chips:
        raise TrainingError(
            f"{out}: none of the {len(tasks)} pictures shows a face that can be cut"
        )
    labels = index.labels.tolist()
    made = index_of(
        tuple(tasks[number].chip for number in chips),
        [index.names[labels[number]] for number in chips],
        (*index.problems, *failures),
    )
    return Aligned(made, failures, len(todo) - len(reasons), kept)


def _tasks(index: FaceIndex, out: Path, suffix: str) -> list[_Task]:
    """Where each chip goes: the same in every run over the same index."""
    for name in index.names:
        if not _fits_a_folder(name):
            raise TrainingError(f"{name!r}: no folder can have the name of this person; rename it")
    taken: set[str] = set()
    tasks = []
    for source, label in zip(index.sources, index.labels.tolist(), strict=True):
        name = index.names[label]
        below = _below(source, name)
        stem = below.with_suffix("") if below.suffix else below
        place, again = f"{name}/{stem.as_posix()}", 1
        # On some systems names that differ in case alone are one.
        while (key := place.casefold()) in taken:
            again += 1
            place = f"{name}/{stem.as_posix()}-{again}"
        taken.add(key)
        tasks.append(_Task(source, out / f"{place}{suffix}"))
    return tasks


def _fits_a_folder(name: str) -> bool:
    return not (
        name.startswith(".")
        or name != name.strip()
        or set(name) & set('/\\:*?"<>|\0')
        or len(os.fsencode(name)) > _LONGEST
    )


def _below(source: Source, person: str) -> Path:
    """The path of a picture below the folder of its person, or its name where there is none."""
    if isinstance(source, RecordRef):
        return Path(f"{source.offset:012d}")
    parts = source.parts[:-1]
    if person in parts:
        first = len(parts) - parts[::-1].index(person)
        return Path(*source.parts[first:])
    return Path(source.name)


def _claim(out: Path, cutter: FaceCutter) -> None:
    """Note in the folder what its chips are cut with, or make sure that it is the same."""
    file = out / SETTINGS_FILE
    content = json.dumps(cutter.settings, indent=1, sort_keys=True).encode()
    try:
        before = file.read_bytes()
    except FileNotFoundError:
        replace_file(file, content)
        return
    if before != content:
        raise TrainingError(
            f"{out}: holds chips that were cut with another detector or for another model "
            f"({SETTINGS_FILE} has the settings); give another folder, or remove it"
        )


def _is_current(task: _Task) -> bool:
    try:
        made = task.chip.stat()
        return made.st_size > 0 and made.st_mtime_ns >= file_of(task.source).stat().st_mtime_ns
    except OSError:
        return False


def _handfuls(numbers: Sequence[int], tasks: Sequence[_Task], most: int) -> Iterator[list[int]]:
    """Pictures that a worker takes at once: a few small ones, since detectors like that, or one."""
    some: list[int] = []
    weight = 0
    for number in numbers:
        size = _bytes_of(tasks[number].source)
        if some and (len(some) >= most or weight + size > _TOGETHER_BYTES):
            yield some
            some, weight = [], 0
        some.append(number)
        weight += size
    if some:
        yield some


def _bytes_of(source: Source) -> int:
    if isinstance(source, RecordRef):
        return 0  # chips, or small photos
    try:
        return source.stat().st_size
    except OSError:
        return 0


def _cut_some(tasks: Sequence[_Task], cutter: FaceCutter) -> list[str | None]:
    """Write the chips of some pictures; for each None, or why there is none."""
    reasons: list[str | None] = [None] * len(tasks)
    opened: dict[int, NDArray[np.uint8]] = {}
    for place, task in enumerate(tasks):
        try:
            opened[place] = load(read_source(task.source), name=str(task.source))
        except (ImageError, TrainingError) as error:
            reasons[place] = str(error).removeprefix(f"{task.source}: ")
    if not opened:
        return reasons
    for place, found in zip(opened, cutter.cut(list(opened.values())), strict=True):
        path = tasks[place].chip
        for chip in found:
            replace_file(path, encoded(chip, path.suffix))
        if not found:
            reasons[place] = "no face found"
    return reasons


def _list(file: Path, failures: Sequence[tuple[Source, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("path", "reason"))
    writer.writerows((str(source), reason) for source, reason in failures)
    replace_file(file, text.getvalue().encode("utf-8", "surrogateescape"))
