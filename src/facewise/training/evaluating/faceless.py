"""Which chips are missing because no face was found: the list that `facewise align` leaves."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from facewise.errors import ProtocolError
from facewise.training.data.aligning import PROBLEMS_FILE


def faceless(folder: Path) -> Callable[[str], bool]:
    """Whether a picture has no chip in a folder because `facewise align` could not cut one.

    Args:
        folder: of chips. Without the list of `facewise align` it lacks none.

    Returns:
        Takes the path of a chip below the folder, with `/`, at least `PERSON/PICTURE`; its suffix
        may be missing. True if the list has a picture of that person with that name.

    Raises:
        ProtocolError: the list cannot be read.
    """
    file = folder / PROBLEMS_FILE
    try:
        with file.open(encoding="utf-8", errors="surrogateescape", newline="") as source:
            listed = [row["path"] for row in csv.DictReader(source) if row.get("path")]
    except FileNotFoundError:
        listed = []
    except (OSError, csv.Error) as error:
        raise ProtocolError(f"{file}: cannot be read ({error})") from None
    # The list has the pictures by their own paths, whose last parts are those of the chip.
    places = set()
    for path in filter(lambda path: path.name, map(Path, listed)):
        parts = path.with_suffix("").parts
        places |= {"/".join(parts[start:]) for start in range(len(parts) - 1)}

    def has_no_chip(image: str) -> bool:
        return image in places or str(PurePosixPath(image).with_suffix("")) in places

    return has_no_chip
