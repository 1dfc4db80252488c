"""From the arguments of a command to the pictures they mean."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import typer

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Input:
    """One picture to work on.

    Attributes:
        name: what results and messages call it.
        source: its file, or its bytes from standard input.
        relative: where a picture made from it belongs below an output folder.
        problem: why there is nothing to read, or None.
    """

    name: str
    source: Path | bytes
    relative: Path
    problem: str | None = None


def expand(arguments: Iterable[str], *, skip: Path | None = None) -> list[Input]:
    """The pictures that arguments mean, in order, each file once.

    Args:
        arguments: files, folders, patterns, or `-`. A file that does not exist stays in the list,
            so that whoever reads it reports it.
        skip: a folder whose content does not count where folders and patterns lead into it.
    """
    found: dict[str, Input] = {}
    for argument in arguments:
        for item in _expand_one(argument, skip):
            key = item.name if item.name == STANDARD_INPUT else os.path.abspath(item.name)  # noqa: PTH100 - `resolve` would follow links
            found.setdefault(key, item)
    return list(found.values())


def single(argument: str) -> Path | bytes:
    """The picture of an argument that means exactly one."""
    return _from_standard_input() if argument == STANDARD_INPUT else _once(Path(argument))


def _expand_one(argument: str, skip: Path | None) -> Iterator[Input]:
    if not argument:
        raise typer.BadParameter("the name of a photo is empty")
    path = Path(argument)
    if argument == STANDARD_INPUT:
        yield Input(argument, _from_standard_input(), Path("stdin.png"))
    # os.path, because the methods of `Path` raise where they may not look.
    elif os.path.isdir(path):  # noqa: PTH112
        yield from _found([path], path, skip) or [_nothing(path, "no pictures in this folder")]
    elif os.path.exists(path) or not _is_pattern(argument):  # noqa: PTH110
        yield Input(argument, _once(path), Path(path.name))
    else:
        matches = [Path(match) for match in glob.glob(argument, recursive=True)]  # noqa: PTH207 - pathlib's patterns must be relative
        fixed = Path(*takewhile(lambda part: not _is_pattern(part), path.parts))
        yield from _found(sorted(matches), fixed, skip) or [_nothing(path, "no picture matches")]


def _once(path: Path) -> Path | bytes:
    """A path; of a pipe, which can be read only once, the content."""
    return path.read_bytes() if path.is_fifo() else path


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _found(paths: list[Path], base: Path, skip: Path | None) -> list[Input]:
    """The pictures among files, and in folders; their copies keep the path below a base."""
    from facewise.cli.files import is_within
    from facewise.recognition.folders import is_picture, pictures_in

    pictures: list[Path] = []
    for path in paths:
        if path.is_dir():
            pictures.extend(pictures_in(path, skip=skip))
        elif path.is_fifo():
            continue  # as in folders: reading it may never end
        elif is_picture(path) and not (skip and is_within(path, skip)):
            pictures.append(path)
    return [Input(str(path), path, path.relative_to(base)) for path in pictures]


def _nothing(path: Path, problem: str) -> Input:
    return Input(str(path), path, Path("nothing"), f"{path}: {problem}")


def _from_standard_input() -> bytes:
    if sys.stdin is None or sys.stdin.isatty():
        raise typer.BadParameter("- reads a picture from standard input: pipe one in")
    return sys.stdin.buffer.read()
