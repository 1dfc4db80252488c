"""What a source holds: the pictures of a folder or list, and the sizes of files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from facewise.errors import ShardsError
from facewise.recognition.folders import is_picture, pictures_in
from facewise.shards.locations import (
    file_system,
    is_url,
    opened,
    plain,
    reads_in_parallel,
    reason,
)
from facewise.shards.read_ahead import read_in_threads

_ASKING = 16
"""Questions to a store at once."""


class Found(NamedTuple):
    """A picture that a source holds: its key, its size in bytes if that is known, and a label."""

    key: str
    size: int | None = None
    label: str | None = None


def in_folder(folder: str) -> list[Found]:
    """The pictures of a folder and all below it; hidden ones, and other files, are passed over.

    Raises:
        ShardsError: there are none, or a store cannot be listed.
        OSError: the folder cannot be listed.
    """
    if is_url(folder):
        found = list(_in_store(folder))
    else:
        found = []
        for path in pictures_in(Path(folder)):
            key = path.relative_to(folder).as_posix()
            found.append(Found(key, size_of(str(path))))
    if not found:
        raise ShardsError(f"{folder}: no pictures there; name tar files by a pattern, as *.tar")
    return found


def _in_store(url: str) -> Iterable[Found]:
    system, root = file_system(url)
    try:
        system.invalidate_cache()
        details = system.find(root, detail=True)
    except Exception as error:  # of whatever the protocol is made of
        raise ShardsError(f"{url}: cannot be listed ({reason(error)})") from error
    root = root.rstrip("/")
    for path, about in details.items():
        key = path.removeprefix(root).lstrip("/")
        below = Path(key)
        if is_picture(below) and not any(part.startswith(".") for part in below.parts):
            size = about.get("size")
            yield Found(key, size if isinstance(size, int) else None)


def in_list(place: str) -> list[Found]:
    """The pictures that a text names, each once.

    Raises:
        ShardsError: there are none, or a store cannot read it.
        ExtraMissingError: what the protocol of a picture needs is not installed.
        OSError: it cannot be read.
    """
    try:
        with opened(place) as file:
            lines = file.read().decode("utf-8-sig", "surrogateescape").split("\n")
    except OSError:
        raise
    except Exception as error:  # of whatever the protocol is made of
        raise ShardsError(f"{place}: cannot be read ({reason(error)})") from error
    found: dict[str, Found] = {}
    for line in lines:
        key, _, label = line.rstrip("\r").partition("\t")
        if key.strip():
            key = plain(key)
            found.setdefault(key, Found(key, None, label.strip() or None))
    if not found:
        raise ShardsError(f"{place}: names no pictures")
    _check_protocols(found)
    return list(found.values())


def _check_protocols(keys: Iterable[str]) -> None:
    """Have what is missing for a protocol said once, and not by each picture."""
    seen: set[str] = set()
    for key in keys:
        if is_url(key):
            protocol = key.partition("://")[0]
            if protocol not in seen:
                seen.add(protocol)
                file_system(key)


def sizes_of(places: Sequence[str]) -> dict[str, int | None]:
    """Of tar files; a store is asked about several at once."""
    threads = _ASKING if all(map(reads_in_parallel, places)) else 1
    with closing(read_in_threads(size_of, places, threads)) as sizes:
        return dict(zip(places, sizes, strict=True))


def size_of(place: str) -> int | None:
    """Bytes, where the source tells without being read; None too if there is no such file.

    Raises:
        ShardsError: a store does not answer.
    """
    if not is_url(place):
        try:
            return Path(place).stat().st_size
        except (OSError, ValueError):  # whoever reads it says what is wrong
            return None
    try:
        system, path = file_system(place)
        size = system.size(path)
    except (FileNotFoundError, PermissionError):
        return None
    except ShardsError:
        raise
    except Exception as error:  # of whatever the protocol is made of
        raise ShardsError(f"{place}: cannot be looked at ({reason(error)})") from error
    return size if isinstance(size, int) else None
