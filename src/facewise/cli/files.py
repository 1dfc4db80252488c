"""Write results so that no one ever finds half of one, and nothing of the user's is lost."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import typer

from facewise._files import replace_file
from facewise.cli.inputs import Input
from facewise.errors import FacewiseError


def write_text(path: Path, text: str) -> None:
    """Write a result that is text; `-` is standard output."""
    if str(path) == "-":
        typer.echo(text)
    else:
        replace_file(path, f"{text}\n".encode())


def protect(inputs: Iterable[Input], targets: Iterable[Path | None]) -> None:
    """Make sure, before any work is done, that no target is one of the inputs.

    Raises:
        FacewiseError: one is; names it.
    """
    taken = {_identity(item.source): item.name for item in inputs if isinstance(item.source, Path)}
    taken.pop(None, None)
    for target in targets:
        name = None if target is None else taken.get(_identity(target))
        if name is not None:
            raise FacewiseError(f"{target}: would overwrite the picture {name}; choose another")


def is_within(path: Path, folder: Path) -> bool:
    """Whether a path is a folder, or lies in it, links considered; neither need exist."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _identity(path: Path) -> tuple[int, int] | None:
    """What is equal for two paths of the same file, also through links; None when there is none."""
    from facewise.recognition.folders import identity

    try:
        return identity(path)
    except OSError:
        return None
