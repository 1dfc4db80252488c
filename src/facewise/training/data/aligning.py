"""Cut the faces of all pictures of an index beforehand: a folder of people, of chips."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facewise.aligning.cutter import Cutter
from facewise.aligning.lists import PROBLEMS_FILE as PROBLEMS_FILE
from facewise.aligning.lists import write_lists
from facewise.aligning.places import Photo, PhotoFile, chip_of
from facewise.aligning.run import align_photos
from facewise.errors import AlignError, TrainingError
from facewise.recognition.people import Problem
from facewise.training.data.face_index import index_of
from facewise.training.data.record_file import RecordRef
from facewise.training.data.sources import file_of, read_source

if TYPE_CHECKING:
    from facewise.aligning.run import Report, Work
    from facewise.detection import Detector
    from facewise.training.data.face_index import FaceIndex
    from facewise.training.data.sources import Source
    from facewise.zoo import ModelSpec

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


@dataclass(frozen=True, slots=True)
class _Record:
    """A picture in a RecordIO file."""

    record: RecordRef

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.record)

    @property
    def file(self) -> Path:
        """The file of all records."""
        return file_of(self.record)

    @property
    def whole(self) -> bool:
        """It is a part of the file."""
        return False

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            TrainingError: they cannot be read.
        """
        return read_source(self.record)


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
    at all. An interrupted run goes on where it stopped (`facewise.aligning.align_photos`). Failures
    are listed in `out/problems.csv`. The folder can be read by `read_folder`.

    Args:
        index: the pictures; all processors work on them.
        detector: finds the faces.
        spec: of the model that the chips are for.
        out: the folder of chips.
        suffix: ".png" or ".webp", both without loss.
        report: called with the number of pictures that are done, as they are.

    Raises:
        TrainingError: the folder holds chips that were cut with other settings, a person has a
            name that no folder can have, or the spec has no crop, all before anything is done; or
            no picture shows a face.
        OSError: a chip cannot be written.
    """
    if spec.crop is None:
        raise TrainingError(f"{spec.id}: its spec has no crop, so faces cannot be cut for it")
    cutter = Cutter(detector, spec.crop)
    work = align_index(index, cutter, out, suffix=suffix, report=report)
    places = {id(task): number for number, task in enumerate(work.tasks)}
    failed = {places[id(failure.task)] for failure in work.failures}
    failures = tuple(
        Problem(file_of(index.sources[places[id(failure.task)]]), failure.reason)
        for failure in work.failures
    )
    chips = [number for number in range(len(work.tasks)) if number not in failed]
    if not chips:
        raise TrainingError(
            f"{out}: none of the {len(work.tasks)} pictures shows a face that can be cut"
        )
    labels = index.labels.tolist()
    made = index_of(
        tuple(chip_of(out, work.tasks[number], suffix, None) for number in chips),
        [index.names[labels[number]] for number in chips],
        (*index.problems, *failures),
    )
    return Aligned(made, failures, work.cut, work.kept)


def align_index(
    index: FaceIndex,
    cutter: Cutter,
    out: Path,
    *,
    suffix: str = ".png",
    retry_failed: bool = False,
    report: Report | None = None,
) -> Work:
    """`align_photos` for the pictures of an index, and the lists beside the chips.

    Raises:
        TrainingError: see `align_all`.
        OSError: a chip cannot be written.
    """
    for name in index.names:
        if not _fits_a_folder(name):
            raise TrainingError(f"{name!r}: no folder can have the name of this person; rename it")
    try:
        work = align_photos(
            _photos(index), cutter, out, suffix=suffix, retry_failed=retry_failed, report=report
        )
    except AlignError as error:
        raise TrainingError(str(error)) from error
    write_lists(work)
    return work


def _photos(index: FaceIndex) -> Iterator[tuple[Photo, str]]:
    for source, label in zip(index.sources, index.labels.tolist(), strict=True):
        name = index.names[label]
        photo: Photo = _Record(source) if isinstance(source, RecordRef) else PhotoFile(str(source))
        yield photo, f"{name}/{_below(source, name).as_posix()}"


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
