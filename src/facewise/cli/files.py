"""Write results so that no one ever finds half of one, and nothing of the user's is lost."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import typer

from facewise._files import replace_file
from facewise.errors import FacewiseError


def write_text(path: Path, text: str) -> None:
    """Write a result that is text; `-` is standard output."""
    if str(path) == "-":
        typer.echo(text)
    else:
        replace_file(path, f"{text}\n".encode())


def protect(inputs: Iterable[Path | bytes], targets: Iterable[Path | None]) -> None:
    """Make sure, before any work is done, that nothing is lost when the results are written.

    Args:
        inputs: files that are read, and folders whose pictures are; bytes stand for standard
            input.
        targets: files that will be written; None and `-` are passed over.

    Raises:
        FacewiseError: a target is an input, or another target, or cannot be written; names it.
    """
    inputs = list(inputs)
    taken = {_identity(path): path for path in inputs if isinstance(path, Path)}
    taken.pop(None, None)
    folders = [path for path in inputs if isinstance(path, Path) and os.path.isdir(path)]  # noqa: PTH112
    places: dict[str, Path] = {}
    for target in targets:
        if target is None or str(target) == "-":
            continue
        found = taken.get(_identity(target))
        if found is not None:
            raise FacewiseError(f"{target}: would overwrite {found}, which is read; choose another")
        if _is_picture_there(target) and any(is_within(target, folder) for folder in folders):
            raise FacewiseError(f"{target}: would overwrite a picture that is read; choose another")
        place = os.path.realpath(target)
        if place in places:
            raise FacewiseError(f"{target}: is named for two results; choose another")
        places[place] = target
        _require_writable(target)


def _require_writable(target: Path) -> None:
    """A target may be new, in folders that are new; what is there already has to allow it."""
    # os.path: a name that is too long is not there; the methods of `Path` may raise instead.
    if os.path.isdir(target):  # noqa: PTH112
        raise FacewiseError(f"{target}: is a folder, expected a file to write")
    places = (target, *Path(os.path.abspath(target)).parents)  # noqa: PTH100
    ground = next(place for place in places if os.path.exists(place))  # noqa: PTH110
    if ground != target and not ground.is_dir():
        raise FacewiseError(f"{target}: cannot be written, {ground} is not a folder")
    if not os.access(ground, os.W_OK):
        raise FacewiseError(f"{target}: cannot be written, {ground} does not allow it")


def keep_out(targets: Mapping[str, Path | None], folders: Iterable[Path]) -> None:
    """Refuse results that would lie among the images that are measured.

    Args:
        targets: by the option that names them; None and `-` are passed over.
        folders: of images.

    Raises:
        FacewiseError: names option and target.
    """
    for folder in folders:
        for name, target in targets.items():
            if target is not None and str(target) != "-" and is_within(target, folder):
                raise FacewiseError(
                    f"{name} {target}: lies among the images; choose another folder"
                )


def shown(text: str) -> str:
    """A name or message with its control characters escaped, for a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def is_within(path: Path, folder: Path) -> bool:
    """Whether a path is a folder, or lies in it, links considered; neither need exist."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _is_picture_there(path: Path) -> bool:
    from facewise.recognition.folders import is_picture

    return is_picture(path) and os.path.isfile(path)  # noqa: PTH113 - as in `_require_writable`


def _identity(path: Path) -> tuple[int, int] | None:
    """What is equal for two paths of the same file, also through links; None when there is none."""
    from facewise.recognition.folders import identity

    try:
        return identity(path)
    except OSError:
        return None
