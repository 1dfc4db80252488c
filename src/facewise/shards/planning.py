"""From what a user names to units of work: the same ones each time, as long as nothing changes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from operator import attrgetter
from pathlib import Path

from facewise.errors import ShardsError
from facewise.recognition.folders import is_picture
from facewise.shards.listing import Found, in_folder, in_list, size_of, sizes_of
from facewise.shards.locations import file_name, is_list, is_tar, is_url, plain, without_query
from facewise.shards.patterns import expand_braces, is_pattern, matches
from facewise.shards.tar_parts import tar_parts
from facewise.shards.units import Unit, files_digest, tar_digest


def plan(sources: Iterable[str | os.PathLike[str]], shard_size: int) -> list[Unit]:
    """The units of work of some sources.

    A folder, a list, or the single pictures and patterns of pictures taken together are cut into
    slices of their sorted pictures; a tar file is a unit, or if it is very large several
    (`tar_parts`).

    Args:
        sources: each a folder, a picture, a tar file, a list of pictures (`.txt`, `.lst`, `.list`;
            a path or URL in each line, and after a tab a label if there is one), a pattern of such
            (`*`, `?`, `[…]`, `{0000..0099}`, `{a,b}`), or a URL of any of these for fsspec.
        shard_size: pictures of a unit.

    Raises:
        ShardsError: nothing is there; names it.
        ExtraMissingError: what a URL's protocol needs is not installed.
        OSError: a folder or list cannot be read.
    """
    places = list(dict.fromkeys(place for given in sources for place in _expanded(plain(given))))
    sizes = sizes_of([place for place in places if is_tar(place)])
    units: list[Unit] = []
    single: list[Found] = []
    for place in places:
        if _is_folder(place):
            units += _sliced(place, in_folder(place), shard_size)
        elif is_tar(place):
            units += _of_tar(place, sizes[place], shard_size)
        elif is_list(place):
            units += _sliced("", in_list(place), shard_size)
        elif is_picture(Path(without_query(place))) or _is_file(place):
            single.append(Found(place, size_of(place)))
        else:
            raise ShardsError(
                f"{place}: no such folder; expected a folder, a picture, a tar file, a list of "
                "pictures (.txt), or a pattern of these"
            )
    units += _sliced("", single, shard_size)
    if not units:
        raise ShardsError("no source was named")
    return units


def _expanded(text: str) -> list[str]:
    """What a source stands for; a file that has braces or brackets in its name is itself."""
    if not text:
        raise ShardsError("the name of a source is empty")
    if not is_url(text) and os.path.lexists(text):
        return [text]
    places = []
    for word in expand_braces(text):
        if is_pattern(without_query(word)) and not (not is_url(word) and os.path.lexists(word)):
            found = matches(word)
            if not found:
                raise ShardsError(f"{word}: nothing matches")
            places += found
        else:
            places.append(word)
    return places


def _is_folder(place: str) -> bool:
    if not is_url(place):
        return os.path.isdir(place)  # noqa: PTH112 - `Path.is_dir` raises where it may not look
    # Asking about each of a thousand tar files would take long, and a folder is not called so.
    return not (is_tar(place) or is_list(place) or is_picture(Path(without_query(place))))


def _is_file(place: str) -> bool:
    """Whether it is a file of this machine, whatever its name."""
    return not is_url(place) and os.path.isfile(place)  # noqa: PTH113 - as above


def _sliced(source: str, found: Sequence[Found], shard_size: int) -> list[Unit]:
    ordered = sorted(found, key=attrgetter("key"))
    units = []
    for start in range(0, len(ordered), shard_size):
        some = ordered[start : start + shard_size]
        keys = [picture.key for picture in some]
        labels = tuple(picture.label for picture in some)
        units.append(
            Unit(
                source,
                files_digest(some),
                tuple(keys),
                labels if any(labels) else (),
            )
        )
    return units


def _of_tar(place: str, size: int | None, shard_size: int) -> list[Unit]:
    parts: list[tuple[int, int] | None] = [None]
    if not is_url(place) and size is not None:
        parts = list(tar_parts(Path(place), size, shard_size))
    name = file_name(place)
    return [Unit(place, tar_digest(name, size, span), span=span, tar=True) for span in parts]
