"""Text files that list people or pictures, with errors of training."""

from __future__ import annotations

from pathlib import Path

from facewise.errors import ProtocolError, TrainingError
from facewise.evaluation.protocols.reading import TextList, read_list


def read_lines(file: Path) -> TextList:
    """Read a text file in UTF-8, with or without a byte order mark, with line ends of any system.

    Raises:
        TrainingError: it cannot be read, or is not text.
    """
    try:
        return read_list(file)
    except ProtocolError as error:
        raise TrainingError(str(error)) from None


def wrong(listing: TextList, line: int, reason: object) -> TrainingError:
    """The error of a line, from 1, which names it and shows it."""
    return TrainingError(str(listing.wrong(line, reason)))
