"""A file that appears whole, or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from facewise._files import drafts_of, part_of, publish, runs
from facewise.errors import GalleryError


@contextmanager
def draft(path: Path, *, force: bool) -> Iterator[Path]:
    """A new file to write to; when the `with` block ends well, it takes its place.

    It is readable by its owner only: faces are in it. What a killed process has left of an earlier
    draft for the same place is removed.

    Args:
        path: where the file is to be. A link stays a link, and its target is replaced.
        force: replace a file that is there, and keep its permissions.

    Raises:
        GalleryError: something is there, and may not be replaced or is no file.
        OSError: it cannot be written; names it.
    """
    place = Path(os.path.realpath(path))
    if place.exists() and not place.is_file():
        raise GalleryError(f"{path}: is no file; expected a new one to write")
    if place.exists() and not force:
        raise _exists(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    _clear(place)
    part = part_of(place, f"{os.getpid()}.")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        yield part
        publish(part, place, over=force)
    except FileExistsError:
        raise _exists(path) from None
    except GalleryError as error:  # which may name the draft
        if str(part) not in str(error):
            raise
        raise GalleryError(str(error).replace(str(part), str(path))) from error
    except OSError as error:
        if str(part) in (error.filename, error.filename2):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        part.unlink(missing_ok=True)


def _exists(path: Path) -> GalleryError:
    return GalleryError(f"{path}: exists already; choose another name, or --force (force=True)")


def _clear(place: Path) -> None:
    """Remove drafts of processes that are gone: faces are in them."""
    if os.name != "posix":  # elsewhere nobody can be asked for without being ended
        return
    start = re.escape(drafts_of(place))
    form = re.compile(start + r"([1-9][0-9]{0,9})\.[0-9a-f]{8}\.part\Z")
    with suppress(OSError):
        for other in place.parent.iterdir():
            found = form.match(other.name)
            if found and not runs(int(found[1])):
                other.unlink(missing_ok=True)
