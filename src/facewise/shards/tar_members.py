"""The pictures of a tar file, with the labels of their samples, as WebDataset lays them down.

Files of the same path up to the first dot of the name are a sample, and follow each other:
`0001.jpg`, `0001.cls`, `0001.json`. The file is read once, from its beginning to its end, and never
unpacked.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from facewise.images import MAX_BYTES
from facewise.recognition.folders import is_picture
from facewise.shards.locations import reason

_LABELS = ("name", "person", "label")
"""Keys of a sample's `json` that may tell whom it shows; the first that is there counts."""

_LABEL_BYTES = 1 << 20
"""Of a `cls` or `json`; what is longer is passed over."""

_PICTURES, _BYTES = 16, 1 << 26
"""What of a sample is held at most until its label is found."""


class Member(NamedTuple):
    """A picture of a tar file.

    Attributes:
        key: its path in the file; empty if the file itself has the problem.
        label: of its sample, or None.
        content: the bytes of the picture; empty if there is a problem.
        problem: why it cannot be read, or None.
    """

    key: str
    label: str | None
    content: bytes
    problem: str | None = None


def sample_of(name: str) -> str:
    """The part of a member's path that the members of its sample share."""
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}{base.split('.', 1)[0]}"


def forget_members(tar: tarfile.TarFile) -> None:
    """Let go of the list of members that tarfile keeps, which grows with the file."""
    tar.members = []  # type: ignore[attr-defined]


def pictures_of_tar(file: IO[bytes]) -> Generator[Member, None, None]:
    """The pictures of a tar file, also a compressed one (gzip, bzip2, xz).

    Hidden files, and files that have not a picture's name, are passed over. A file that is damaged,
    or ends before its end, gives what stands before, and then a member with the problem.

    Args:
        file: opened for reading; what is read is not kept.
    """
    try:
        with tarfile.open(fileobj=file, mode="r|*", tarinfo=_Strict) as tar:
            yield from _samples(tar)
    except GeneratorExit:
        raise
    except Exception as error:  # tarfile's, zlib's, lzma's, or of whatever the file is made of
        yield Member("", None, b"", f"tar file: {_said(error)}")


def _samples(tar: tarfile.TarFile) -> Iterator[Member]:
    waiting: list[Member] = []
    labels: dict[str, str] = {}
    sample, held = "", 0
    try:
        while (member := tar.next()) is not None:
            forget_members(tar)
            name = member.name.removeprefix("./")
            base = name.rpartition("/")[2]
            if member.isdir() or base.startswith("."):
                continue
            if sample_of(name) != sample or len(waiting) >= _PICTURES or held > _BYTES:
                yield from _labelled(waiting, labels)
                if sample_of(name) != sample:
                    labels = {}
                waiting, sample, held = [], sample_of(name), 0
            if is_picture(Path(base)):
                waiting.append(_picture(tar, member, name))
                held += len(waiting[-1].content)
            elif member.isreg() and member.size <= _LABEL_BYTES:
                labels |= _label(base.partition(".")[2].lower(), tar, member)
    except Exception:
        yield from _labelled(waiting, labels)  # they were read whole
        raise
    yield from _labelled(waiting, labels)


def _picture(tar: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> Member:
    if not member.isreg():
        return Member(name, None, b"", "is a link in the tar file, expected a picture")
    if member.size > MAX_BYTES:
        problem = f"more than {MAX_BYTES >> 20} MB, too large for an image file"
        return Member(name, None, b"", problem)
    return Member(name, None, _content(tar, member))


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file is not None  # noqa: S101 - it is a regular file
    return file.read()


def _labelled(members: list[Member], labels: dict[str, str]) -> list[Member]:
    label = labels.get("json", labels.get("cls"))
    return [member._replace(label=label) for member in members]


def _label(kind: str, tar: tarfile.TarFile, member: tarfile.TarInfo) -> dict[str, str]:
    """What a file of a sample says of whom it shows, by its kind, if it says anything."""
    if kind == "cls":
        text = _content(tar, member).decode("utf-8", "replace").strip()
        return {kind: text} if text else {}
    if kind == "json":
        try:
            content = json.loads(_content(tar, member))
        except (ValueError, RecursionError):
            return {}
        if isinstance(content, dict):
            for key in _LABELS:
                if isinstance(content.get(key), (str, int)):
                    return {kind: str(content[key])}
    return {}


class _Strict(tarfile.TarInfo):
    """A header; unlike tarfile's own, one that is damaged or missing is not taken for the end."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> tarfile.TarInfo:  # type: ignore[override]
        """See `tarfile.TarInfo`."""
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            text = str(error)
            if "empty" in text or "truncated" in text:
                text = "ends too early"
            raise tarfile.ReadError(f"{text} (byte {tarfile_.offset:,})") from error


def _said(error: BaseException) -> str:
    if isinstance(error, tarfile.ReadError):
        return str(error)
    return reason(error)
