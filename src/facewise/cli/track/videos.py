"""From the arguments of `facewise track` to the videos they mean."""

from __future__ import annotations

import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import typer

_VIDEOS = frozenset({
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg",
    ".wmv", ".flv", ".3gp", ".ogv", ".vob", ".mxf", ".gif",
})  # fmt: skip
"""What is taken from folders and patterns; a file that is named may be called anything."""


@dataclass(frozen=True, slots=True)
class VideoInput:
    """One video to work on.

    Attributes:
        argument: for `open_source`.
        name: what results and messages call it.
        stem: for `{name}` in the names of results.
        problem: why there is nothing to read, or None.
    """

    argument: str
    name: str
    stem: str
    problem: str | None = None

    @property
    def path(self) -> Path | None:
        """The file or folder, where it is one."""
        path = Path(self.argument)
        return path if os.path.exists(path) else None  # noqa: PTH110 - a name may be too long


def expand(arguments: Iterable[str]) -> list[VideoInput]:
    """The videos that arguments mean, in order, each once.

    A folder is a series of pictures, unless there are videos in it or below it: then it is those. A
    pattern is the videos that match it, or else a series of pictures. Anything else is one video.
    """
    found: dict[str, VideoInput] = {}
    stems: set[str] = set()
    for argument in arguments:
        if not argument:
            raise typer.BadParameter("the name of a video is empty")
        for text, problem in _expand_one(argument):
            if text in found:
                continue
            stem = wanted = _stem(text)
            number = 1
            while stem.casefold() in stems:
                number += 1
                stem = f"{wanted}-{number}"
            stems.add(stem.casefold())
            name = "standard input" if text == "-" else _without_password(text)
            found[text] = VideoInput(text, name, stem, problem)
    return list(found.values())


@contextmanager
def readable_twice(item: VideoInput) -> Iterator[str]:
    """What to open; standard input is copied into a file for as long as this lasts."""
    if item.argument != "-":
        yield item.argument
        return
    if sys.stdin is None or sys.stdin.isatty():
        raise typer.BadParameter("- reads a video from standard input: pipe one in")
    with tempfile.TemporaryDirectory(prefix="facewise-") as folder:
        copy = Path(folder) / "stdin"
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield str(copy)


def _expand_one(argument: str) -> Iterator[tuple[str, str | None]]:
    path = Path(argument)
    if argument == "-" or "://" in argument or os.path.isfile(path):  # noqa: PTH113
        yield argument, None
    elif os.path.isdir(path):  # noqa: PTH112
        videos = sorted(
            file for file in path.rglob("*") if _is_video(file) and not _hidden(file, path)
        )
        yield from ((str(file), None) for file in videos) if videos else [(argument, None)]
    elif glob.has_magic(argument):
        matches = [Path(match) for match in glob.glob(argument, recursive=True)]  # noqa: PTH207
        videos = sorted(file for file in matches if _is_video(file))
        if not matches:
            yield argument, f"{argument}: no video and no picture matches"
        yield from ((str(file), None) for file in videos) if videos else [(argument, None)]
    else:
        yield argument, None


def _is_video(file: Path) -> bool:
    return file.suffix.lower() in _VIDEOS and file.is_file() and not file.name.startswith(".")


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _stem(text: str) -> str:
    if text == "-":
        return "stdin"
    if "://" in text:
        parts = urlsplit(text)
        return PurePosixPath(parts.path).stem or parts.hostname or "stream"
    stem = Path(text).stem if Path(text).name else Path(text).resolve().name
    return "".join("_" if sign in '*?%:[]"<>|' else sign for sign in stem) or "video"


def _without_password(text: str) -> str:
    before, at, host = text.partition("://")[2].partition("/")[0].rpartition("@")
    return text.replace(f"{before}@{host}", f"***@{host}", 1) if at and ":" in before else text
