"""The files that an export writes, and the folder of shards beside them that it goes on from."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from facewise._files import replace_file
from facewise.errors import ExportError, GalleryError, ModelMismatchError, ShardsError
from facewise.export.problems import is_problems_file, problems_file
from facewise.gallery.transfer.extra import needed
from facewise.gallery.transfer.formats import Format, format_to_write

_FORMATS = {"parquet": "pyarrow.parquet", "npz": "numpy", "h5": "h5py"}
"""Those that can say which model made the vectors, and what they need."""

_CLAIMS = ".files.json"
"""In the folder of shards: the files that were not there when the export began. If it was killed
after it wrote one of them, the next run may replace that."""


def the_targets(
    out: str | os.PathLike[str] | None, means: str | os.PathLike[str] | None
) -> dict[Path, Format]:
    """The files that are to be written, with their formats, before anything is done.

    Raises:
        ExportError: none is named, one twice, or one in another format.
        ExtraMissingError: what a format needs is not installed.
    """
    given = [Path(place) for place in (out, means) if place is not None]
    if not given:
        raise ExportError("out, means: name a file to write")
    targets: dict[Path, Format] = {}
    for path in given:
        if path in targets:
            raise ExportError(f"{path}: is named for two results; choose another")
        try:
            form = format_to_write(path, None)
        except GalleryError:
            form = None
        if form is None or form.name not in _FORMATS:
            raise ExportError(f"{path}: expected a file called .h5, .parquet or .npz")
        needed(_FORMATS[form.name], f"{path.suffix} files")
        targets[path] = form
    return targets


def work_folder(
    targets: dict[Path, Format], shards: str | os.PathLike[str] | None, force: bool
) -> Path:
    """The folder of shards, in which the names of files are noted that an export may write.

    Args:
        targets: the files.
        shards: the folder that was asked for, or None: one beside the first file.
        force: files that are there may be replaced.

    Raises:
        ExportError: something is there that may not be replaced.
        OSError: the folder cannot be made.
    """
    first = next(iter(targets))
    work = first.with_name(f"{first.name}.parts") if shards is None else Path(shards)
    claims = work / _CLAIMS
    own: list[str] = []
    if shards is None:
        with suppress(OSError, ValueError):
            own = [str(name) for name in json.loads(claims.read_bytes())]
    for path in targets:
        if path.exists() and not path.is_file():
            raise ExportError(f"{path}: is no file; choose another name")
        if path.exists() and not force and os.path.abspath(path) not in own:  # noqa: PTH100
            raise ExportError(f"{path}: is there already; choose another name, or --force")
    listed = problems_file(first)
    if not force and not is_problems_file(listed):
        raise ExportError(f"{listed}: is there already; choose another name, or --force")
    if shards is None:
        if os.path.lexists(work) and not _is_of_an_export(work):
            raise ExportError(
                f"{work}: is there, and is of no export; choose another name than {first.name}"
            )
        work.parent.mkdir(parents=True, exist_ok=True)
        work.mkdir(mode=0o700, exist_ok=True)  # faces are in it
        names = [os.path.abspath(path) for path in targets]  # noqa: PTH100
        replace_file(claims, json.dumps(names).encode())
    return work


def _is_of_an_export(work: Path) -> bool:
    """Whether it is a folder that an export has begun, or an empty one."""
    try:
        return (work / _CLAIMS).is_file() or not any(work.iterdir())
    except OSError:
        return False


def remove(work: Path) -> None:
    """Remove the folder, the claims last: killed within this, an export can be started again."""
    for path in work.iterdir():
        if path.name != _CLAIMS:
            path.unlink()
    shutil.rmtree(work)


@contextmanager
def hinted(work: Path, *, own: bool) -> Iterator[None]:
    """Say of an error of shards that were begun otherwise how to begin anew."""
    try:
        yield
    except (ModelMismatchError, ShardsError) as error:
        if not own:
            raise
        if all(path.name.startswith(".") for path in work.iterdir()):  # nothing was begun
            remove(work)
            raise
        raise type(error)(
            f"{error} ({work} is of an interrupted export; remove it to begin anew)"
        ) from error
