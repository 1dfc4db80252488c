"""Fixtures of the readers' tests: lists and empty image files, written where a test needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file below the test's folder."""

    def to_file(content: str | bytes, name: str = "pairs.txt") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return to_file


@pytest.fixture
def touch(tmp_path: Path) -> Callable[[str, Iterable[str]], Path]:
    """Make a folder of empty files, for readers that only ask whether they exist."""

    def make(folder: str, names: Iterable[str]) -> Path:
        root = tmp_path / folder
        root.mkdir(parents=True, exist_ok=True)
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).touch()
        return root

    return make


EDITED = {
    "windows": lambda text: text.replace("\n", "\r\n"),
    "old mac": lambda text: text.replace("\n", "\r"),
    "trailing": lambda text: text + "\n \n\n",
    "no last newline": lambda text: text.rstrip("\n"),
    "byte order mark": lambda text: "\ufeff" + text,
}


@pytest.fixture(params=EDITED.values(), ids=EDITED.keys())
def edited(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """What editors and other systems make of a text, one way after the other."""
    return request.param
