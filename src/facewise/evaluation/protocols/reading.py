"""What the readers share: the lines of a list, the pairs in it, and the images they name."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation.protocols.pairs import PairProtocol, names_below

if TYPE_CHECKING:
    from numpy.typing import NDArray

Locate: TypeAlias = Callable[[str], "Path | None"]
"""From what a list calls an image to its file, or None where there is none."""

Absent: TypeAlias = Callable[[str], bool]
"""From what a list calls an image to whether it may be missing, because nobody found its face."""

MOST_DIGITS = 9
"""Numbers with more are no numbers of a list: they fit every integer type, and no mistake does."""

_MOST_BYTES = 1 << 32
_SEPARATORS = ",;\t"  # of a CSV
_SHOWN = 5  # missing images that an error names
_MOST_SHOWN = 200  # characters of a line that an error shows


@dataclass(frozen=True, slots=True)
class TextList:
    """A text file that lists something.

    Attributes:
        file: where it is.
        content: its bytes.
        lines: without their ends, and without blank ones at the end.
    """

    file: Path
    content: bytes
    lines: tuple[str, ...]

    def wrong(self, line: int, reason: object) -> ProtocolError:
        """The error of a line, from 1, which names it and shows it."""
        text = self.lines[line - 1] if self.lines else "an empty file"
        return ProtocolError(f"{self.file}, line {line}: {reason}, got {text[:_MOST_SHOWN]!r}")


def read_list(file: Path) -> TextList:
    """Read a text file in UTF-8, with or without a byte order mark, with line ends of any system.

    Raises:
        ProtocolError: it cannot be read, or is not text.
    """
    content = read_content(file)
    try:
        text = content.decode("utf-8-sig").rstrip()
    except UnicodeDecodeError:
        raise ProtocolError(f"{file}: not a text file in UTF-8") from None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if text else ()
    return TextList(file, content, tuple(lines))


def read_content(file: Path) -> bytes:
    """The bytes of a file.

    Raises:
        ProtocolError: it cannot be read, is no file, or is larger than a list or pack can be.
    """
    try:
        if file.exists() and not file.is_file():  # a pipe or a device may have no end
            raise ProtocolError(f"{file}: expected a file")
        if file.stat().st_size > _MOST_BYTES:
            raise ProtocolError(f"{file}: larger than {_MOST_BYTES:,} bytes")
        return file.read_bytes()
    except OSError as error:
        raise unreadable(file, error) from None


def unreadable(file: Path, error: OSError) -> ProtocolError:
    """The error of a file or folder that cannot be read."""
    return ProtocolError(f"{file}: cannot be read ({error.strerror})")


def sha256_of(contents: Iterable[bytes]) -> str:
    """SHA-256 of files, one after the other."""
    whole = hashlib.sha256()
    for content in contents:
        whole.update(content)
    return whole.hexdigest()


def is_number(word: str) -> bool:
    """Whether a word is a whole number from 0, of at most nine digits."""
    return word.isascii() and word.isdigit() and len(word) <= MOST_DIGITS


def is_count(word: str) -> bool:
    """Whether a word is a whole number from 1, of at most nine digits."""
    return is_number(word) and int(word) > 0


def path_below(root: Path, text: str, start: str = "") -> str:
    """The path of an image below a folder, in one form for each image, with `/`.

    Lists made on Windows have backslashes, which are taken for slashes.

    Args:
        root: the folder.
        text: the path as a list has it; absolute ones must lead into the folder.
        start: the folder below `root` that the path begins in.

    Raises:
        ValueError: it leads out of the folder, or is empty.
    """
    given = text.replace("\\", "/")
    if given.startswith("/") or PureWindowsPath(given).drive:
        top = os.path.normpath(root.absolute())
        try:
            path = Path(os.path.normpath(Path(given).absolute())).relative_to(top).as_posix()
        except ValueError:
            raise ValueError(f"expected a path inside {root}") from None
    else:
        path = posixpath.normpath(posixpath.join(start, given))
    if not given or path == "." or path.split("/")[0] == "..":
        raise ValueError(f"expected the path of an image inside {root}")
    return path


def existing(path: Path) -> Path | None:
    """The path, if a file is there."""
    try:
        return path if path.is_file() else None
    except OSError:  # a name that is too long, or a folder that may not be searched
        return None


def check_pair(images: tuple[str, str], same: bool, people: tuple[str, str]) -> None:
    """Hold the label of a pair against the people whom its images show.

    Raises:
        ValueError: they contradict each other, or both images are one.
    """
    if images[0] == images[1]:
        raise ValueError("expected two images, and this is one twice")
    if same and people[0] != people[1]:
        raise ValueError(f"labelled as one person, but shows {people[0]} and {people[1]}")
    if not same and people[0] == people[1]:
        raise ValueError(f"labelled as two people, but both images show {people[0]}")


def consecutive(count: int, parts: int) -> NDArray[np.intp]:
    """The part, from 0, of each of `count` things in order; the first parts have one more."""
    return np.sort(np.arange(count) % parts)


@dataclass(frozen=True, slots=True, eq=False)
class PairList:
    """Pairs as a list has them, before the images are looked for.

    Attributes:
        name: of the protocol.
        file: the list, for errors.
        sha256: of the files that list the pairs.
        pairs: n of them, each of what the list calls two images.
        same: bool (n,), True where both show one person.
        folds: intp (n,), the fold of each pair, from 0; no number is left out.
        people: whom each image shows, or None where the list does not say.
        remarks: what was noticed.
    """

    name: str
    file: Path
    sha256: str
    pairs: Sequence[tuple[str, str]]
    same: NDArray[np.bool_]
    folds: NDArray[np.intp]
    people: Mapping[str, str] | None
    remarks: tuple[str, ...] = ()

    def protocol(
        self,
        root: Path,
        locate: Locate,
        folds: int | None,
        expected: str = "",
        absent: Absent | None = None,
    ) -> PairProtocol:
        """The protocol, with the images of the folds that are wanted.

        Pairs that are listed again count again, as they do in published figures; a remark says so.

        Args:
            root: the folder of images.
            locate: how an image is found.
            folds: use only the first so many; None uses all.
            expected: what missing images should be called.
            absent: which may be missing; the protocol has a path for them, and no file is there.
                A remark says how many. None allows none.

        Raises:
            ProtocolError: there are fewer folds, one lacks pairs of a kind, or images are missing.
        """
        total = int(self.folds.max(initial=0)) + 1
        if folds is not None and not 1 <= folds <= total:
            raise ProtocolError(f"{self.file}: has {total} folds, and {folds} were asked for")
        for kind, which in (("genuine", self.same), ("impostor", ~self.same)):
            counts = np.bincount(self.folds[which], minlength=total)
            if not counts.all():
                fold = int(np.argmin(counts)) + 1
                where = f"fold {fold} of {total}" if total > 1 else "the list"
                raise ProtocolError(f"{self.file}: {where} has no {kind} pairs")
        wanted = self.folds < (folds or total)
        pairs = [self.pairs[i] for i in np.flatnonzero(wanted).tolist()]
        called = sorted({image for pair in pairs for image in pair})
        number = {image: i for i, image in enumerate(called)}
        files = find_images(root, called, locate, self.file, expected, absent)
        remarks = list(self.remarks)
        again = len(pairs) - len({(min(pair), max(pair)) for pair in pairs})
        if again:
            remarks.append(f"{again} of {len(pairs)} pairs are listed again, and count again")
        without = [] if absent is None else [file for file in files if not file.exists()]
        if without:
            remarks.append(f"{len(without)} of {len(files)} images are missing: they show no face")
        return PairProtocol(
            name=self.name,
            sha256=self.sha256,
            images=files,
            names=names_below(root, files),
            people=None if self.people is None else tuple(self.people[i] for i in called),
            pairs=np.array([(number[a], number[b]) for a, b in pairs], np.intp),
            same=self.same[wanted],
            folds=self.folds[wanted],
            remarks=tuple(remarks),
        )


def find_images(
    root: Path,
    called: Sequence[str],
    locate: Locate,
    listed_in: Path,
    expected: str = "",
    absent: Absent | None = None,
) -> tuple[Path, ...]:
    """The files of all images that a list names.

    Args:
        root: the folder of images.
        called: what the list calls them.
        locate: how one is found.
        listed_in: the list.
        expected: what they should be called, for the error.
        absent: which may be missing; theirs is a path below the folder where no file is.

    Raises:
        ProtocolError: the folder or images are missing; names the first few.
    """
    if not root.is_dir():
        raise ProtocolError(f"{root}: no such folder of images")
    found, missing = [], []
    for image in called:
        file = locate(image)
        if file is None and absent is not None and absent(image):
            found.append(root / image)
        elif file is None:
            missing.append(image)
        else:
            found.append(file)
    if missing:
        raise ProtocolError(
            f"{root}: {len(missing)} of the {len(called)} images that {listed_in} names are "
            f"missing: {first_few(missing)}" + (f" (expected {expected})" if expected else "")
        )
    return tuple(found)


def first_few(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{rest}"


def csv_records(listing: TextList) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of each record of a CSV whose separator is a comma, a semicolon or a tab.

    Raises:
        ProtocolError: it is not one; names the line.
    """
    text = "\n".join(listing.lines)
    line = 1
    try:
        # Quoted separators count for nothing, so each is tried as the reader would take it.
        first = [next(csv.reader(listing.lines[:1], delimiter=each), []) for each in _SEPARATORS]
        separator = _SEPARATORS[int(np.argmax([len(cells) for cells in first]))]
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        for cells in reader:
            yield line, [cell.strip() for cell in cells]
            line = reader.line_num + 1
    except csv.Error as error:
        raise listing.wrong(min(line, len(listing.lines)), f"not a CSV file ({error})") from None
