"""Where pictures and shards lie: a path of this machine, or a URL that fsspec opens."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from facewise.errors import ExtraMissingError, ImageError, ShardsError
from facewise.images import MAX_BYTES, read_file
from facewise.shards.extra import needed

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
LIST_SUFFIXES = (".txt", ".lst", ".list")


def is_url(place: str) -> bool:
    """Whether fsspec has to open it: `s3://…`, `zip://…::photos.zip`."""
    return "://" in place


def plain(place: str | os.PathLike[str]) -> str:
    """A place as text, without slashes at its end; a `file://` URL as the path that it means."""
    text = os.fspath(place)
    if text.startswith("file://") and "::" not in text:
        text = unquote(urlsplit(text).path)
    return text if text.endswith("://") else text.rstrip("/") or text


def is_tar(place: str) -> bool:
    """Whether it is named as a tar file is, compressed or not."""
    return without_query(place).lower().endswith(TAR_SUFFIXES)


def is_list(place: str) -> bool:
    """Whether it is named as a list of pictures is."""
    return without_query(place).lower().endswith(LIST_SUFFIXES)


def without_query(place: str) -> str:
    """A URL without what `?` begins; the archive that a chain of URLs lies in counts no more."""
    if not is_url(place):
        return place
    first = place.split("::", 1)[0]
    return urlsplit(first).path if first.startswith(("http://", "https://")) else first


def file_name(place: str) -> str:
    """The last part of a path or URL."""
    return PurePosixPath(without_query(place).replace(os.sep, "/")).name


def joined(source: str, key: str) -> str:
    """The path or URL of a picture of a folder; `zip://a.jpg::photos.zip` keeps its chain."""
    if not source:
        return key
    if not is_url(source):
        return os.path.join(source, *key.split("/"))  # noqa: PTH118 - keys may be undecodable
    first, chain, rest = source.partition("::")
    if "://" not in first:  # a cache before a store: `simplecache::s3://…`
        return f"{first}::{joined(rest, key)}"
    return f"{first if first.endswith('://') else first.rstrip('/') + '/'}{key}{chain}{rest}"


def file_system(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and its path there.

    Raises:
        ExtraMissingError: fsspec, or what it needs for the protocol, is not installed.
        ShardsError: fsspec knows no such protocol, or cannot take the URL apart.
    """
    core = needed("fsspec.core", url)
    first, chain, _ = url.partition("::")
    try:
        if not chain or "://" not in first:
            system, path = core.url_to_fs(url)
            return system, str(path)
        system = _archive(url[url.index("://") :].partition("::")[2], first.partition("://")[0])
        return system, str(system._strip_protocol(first))
    except ImportError as error:
        raise ExtraMissingError(f"{url}: {error}") from error
    except Exception as error:  # of any package that a protocol is made of
        raise ShardsError(f"{url}: fsspec cannot open it ({reason(error)})") from error


@lru_cache(maxsize=8)
def _archive(place: str, protocol: str) -> Any:
    """The inside of an archive. fsspec would read its table of contents for each picture anew."""
    system, _ = needed("fsspec.core", place).url_to_fs(f"{protocol}://::{place}")
    return system


@contextmanager
def opened(place: str) -> Generator[IO[bytes], None, None]:
    """A context: a file for reading.

    Raises:
        OSError: it cannot be opened; or whatever the protocol of a URL raises.
    """
    if not is_url(place):
        with Path(place).open("rb") as file:
            yield file
        return
    system, path = file_system(place)  # kept: some close their files when they go
    with system.open(path, "rb") as file:
        yield file


def read_whole(place: str) -> bytes:
    """The content of a picture.

    Raises:
        ImageError: it cannot be read, or is larger than a picture may be.
    """
    if not is_url(place):
        return read_file(Path(place), place)
    try:
        with opened(place) as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ImageError(f"{place}: no such file") from None
    except Exception as error:
        raise ImageError(f"{place}: cannot be read ({reason(error)})") from error
    if len(content) > MAX_BYTES:
        raise ImageError(f"{place}: more than {MAX_BYTES >> 20} MB, too large for an image file")
    return content


def reads_in_parallel(place: str) -> bool:
    """Whether several files of its file system can be read at once.

    Not all that fsspec opens are made for threads (ftp, an archive inside of another).
    """
    if not is_url(place):
        return True
    system, _ = file_system(place)
    return bool(getattr(system, "async_impl", False))


def reason(error: BaseException) -> str:
    """What an error says, with its kind where it says little."""
    text = str(error).strip().replace("\n", " ")
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__
