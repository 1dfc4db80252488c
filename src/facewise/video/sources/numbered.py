"""Files with numbers in their names, in the order of the numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path


def in_natural_order(files: Iterable[Path]) -> list[Path]:
    """The files so that `frame2` comes before `frame10`.

    Example:
        >>> [file.name for file in in_natural_order([Path("a10.png"), Path("a9.png")])]
        ['a9.png', 'a10.png']
    """
    return sorted(files, key=lambda file: (_parts(str(file)), str(file)))


def numbered_files(pattern: str) -> list[Path]:
    """The files that a pattern such as `img%04d.png` names, in the order of their numbers.

    Numbers need not begin at 0 nor be without gaps. The folder's name has no number.
    """
    folder, name = Path(pattern).parent, Path(pattern).name
    expression = re.compile(
        "".join(
            _digits(part) if re.fullmatch(r"%\d*d", part) else re.escape(part)
            for part in re.split(r"(%\d*d)", name)
        )
    )
    if not folder.is_dir():
        return []
    return in_natural_order(file for file in folder.iterdir() if expression.fullmatch(file.name))


def _digits(code: str) -> str:
    """What `%d` or `%04d` may stand for."""
    width = code[1:-1]
    if not width:
        return r"\d+"
    return rf"\d{{{int(width)},}}" if width.startswith("0") else r" *\d+"


def _parts(name: str) -> list[tuple[int, int, str]]:
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"(\d+)", name)
    ]
