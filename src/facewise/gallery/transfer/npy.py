"""Vectors in an `.npy` file, with their names in a second file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from facewise.errors import GalleryError
from facewise.gallery.names import LONGEST_TEXT
from facewise.gallery.records import ModelFacts
from facewise.gallery.transfer.arrays import (
    ArrayFile,
    check_texts,
    check_vectors,
    opened_array,
    texts,
)
from facewise.gallery.transfer.rows import Given


class Arrays(NamedTuple):
    """The arrays of one file, or two."""

    vectors: ArrayFile
    names: Iterator[str]
    sources: Iterator[str] | None
    facts: ModelFacts | None


def arrays_of(given: Given, stack: ExitStack) -> Arrays:
    """The vectors of an `.npy` file, and the names of a second file.

    Args:
        given: both files.
        stack: closes what is opened.

    Raises:
        GalleryError: one of them is missing, damaged, a pickle, or not of the shape of the other.
    """
    path = given.path
    vectors = ArrayFile(stack.enter_context(opened_array(path)), str(path))
    check_vectors(vectors, str(path), given)
    if given.names is None:
        raise GalleryError(
            f"{path}: has vectors and no names; give a second file with --names (names=): a name "
            "on each line, or an .npy array of texts"
        )
    place = str(given.names)
    if given.names.suffix.lower() == ".npy":
        array = ArrayFile(stack.enter_context(opened_array(given.names)), place)
        check_texts(array, place, vectors.count)
        return Arrays(vectors, texts(array, place), None, None)
    lines = _lines(given.names)
    count = sum(1 for _ in lines)
    if count != vectors.count:
        raise GalleryError(f"{place}: {count:,} names for {vectors.count:,} vectors")
    return Arrays(vectors, _lines(given.names), None, None)


def _lines(path: Path) -> Iterator[str]:
    """The lines of a text, without their ends.

    Raises:
        GalleryError: it cannot be read, or is no UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            while line := file.readline(LONGEST_TEXT):
                yield line.rstrip("\n")
    except OSError as error:
        raise GalleryError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise GalleryError(f"{path}: no text in UTF-8 ({error.reason})") from None
