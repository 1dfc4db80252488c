"""The list of boxes that davidsandberg/facenet's `align_dataset_mtcnn.py` writes beside its chips.

`PATH x1 y1 x2 y2` a line, whole pixels of the photo: what was cut out, margin included. A photo in
which no face was found has a line with the path alone. The path is that of the chip, with the
folder as it was named. A control character in it is written as Python escapes it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from facewise._files import replace_file
from facewise.aligning.chip_file import facts_of
from facewise.aligning.drafts import Drafts
from facewise.aligning.places import chip_of
from facewise.aligning.state import further
from facewise.errors import AlignError

if TYPE_CHECKING:
    from facewise.aligning.run import Work

_LINE = re.compile(r"(.+?)(?: (-?[0-9]+) (-?[0-9]+) (-?[0-9]+) (-?[0-9]+))?\Z", re.DOTALL)


class BoxLine(NamedTuple):
    """A line of the file.

    Attributes:
        path: of the chip.
        box: x1, y1, x2, y2 in pixels of the photo; None: no face was found.
    """

    path: str
    box: tuple[int, int, int, int] | None


def write_boxes(work: Work, path: Path) -> None:
    """Write the list of a run, in the order of the photos; chips of earlier runs are in it, too.

    Photos that could not be read are not in it, as the predecessor leaves them out.

    Raises:
        OSError: it cannot be written.
    """
    text = "".join(f"{line}\n" for line in _lines(work))
    content = text.encode("utf-8", "surrogateescape")
    if Path(os.path.realpath(path.parent)) == Path(os.path.realpath(work.out)):
        drafts = Drafts(work.out)  # whose rests are cleared away after a kill
        drafts.write(path, content)
        drafts.close()
    else:
        replace_file(path, content)


def read_boxes(path: str | os.PathLike[str]) -> list[BoxLine]:
    """The lines of such a file, of facewise or of facenet; a path may have spaces in it.

    Raises:
        AlignError: it cannot be read.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise AlignError(f"{path}: cannot be read ({error.strerror})") from None
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if (found := _LINE.match(line)) is not None:
            first, x1, y1, x2, y2 = found.groups()
            box = None if x1 is None else (int(x1), int(y1), int(x2), int(y2))
            lines.append(BoxLine(first, box))
    return lines


def _lines(work: Work) -> Iterator[str]:
    failed = {id(failure.task): failure for failure in work.failures}
    face = 0 if work.choice == "all" else None
    for task in work.tasks:
        failure = failed.get(id(task))
        if failure is not None:
            if failure.faceless:
                yield _shown(chip_of(work.out, task, work.suffix, None))
            continue
        first = chip_of(work.out, task, work.suffix, face)
        facts = facts_of(first)
        for path in [first, *further(first, 0 if facts is None else facts.cut)]:
            facts = facts_of(path)
            if facts is not None:
                yield " ".join([_shown(path), *map(str, facts.rectangle)])


def _shown(path: Path) -> str:
    return "".join(
        c.encode("unicode_escape").decode() if c < " " or c == "\x7f" else c for c in str(path)
    )
