"""Parts of HDF5 files of others, opened only where nothing leads out of the file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from facewise.errors import GalleryError
from facewise.gallery.transfer.extra import needed

_MOST_LARGER = 100  # times larger than its file no dataset of real vectors is
_CHUNK = 1 << 24  # bytes of a piece that is unpacked at once, that do no harm
_LONGEST = 1 << 20  # bytes of a text
_CACHE = 1 << 21  # bytes of the file's structure

DAMAGE = (OSError, RuntimeError, LookupError, TypeError, ValueError)
"""What h5py raises where a file is damaged."""


def keep_small(file: Any) -> None:
    """Bound what HDF5 remembers of a file's structure; by default it is some 300 MB."""
    settings = file.id.get_mdc_config()
    settings.set_initial_size = True
    settings.initial_size = settings.min_size = settings.max_size = _CACHE
    file.id.set_mdc_config(settings)


def group(parent: Any, key: str, path: str, place: str) -> Any:
    """A group in a group.

    Args:
        parent: where it is.
        key: what it is called there.
        path: of the file, for messages.
        place: in the file, for messages.

    Raises:
        GalleryError: it is none, or a link.
    """
    found = _own(parent, key, path, place)
    if found is None or not isinstance(found, _h5py().Group):
        raise GalleryError(
            f"{path}: {place}: expected a group, as of facerec's person/embedding or "
            "person/image/embedding"
        )
    return found


def dataset(parent: Any, key: str, path: str, place: str) -> Any:
    """A dataset in a group; arguments as of `group`.

    Raises:
        GalleryError: it is none, a link, a view of other files, or says that it is far larger than
            the file.
    """
    found = _own(parent, key, path, place)
    if found is None:
        raise GalleryError(
            f"{path}: {place}: has no {key!r}; expected facerec's person/embedding or "
            "person/image/embedding"
        )
    if not isinstance(found, _h5py().Dataset) or found.shape is None:
        raise GalleryError(f"{path}: {place}: {key!r} is no array")
    if found.is_virtual or found.external:
        raise GalleryError(f"{path}: {place}: {key!r} is in another file; that is not followed")
    size, whole = found.size * found.dtype.itemsize, Path(path).stat().st_size
    chunk = math.prod(found.chunks or ()) * found.dtype.itemsize
    if size > _MOST_LARGER * whole or chunk > max(_CHUNK, _MOST_LARGER * whole):
        raise GalleryError(
            f"{path}: {place}: {key!r} says that it has the shape {found.shape}, in pieces of "
            f"{found.chunks}, in a file of {whole:,} bytes: no real vectors"
        )
    return found


def is_dataset(parent: Any, key: str, path: str, place: str) -> bool:
    """Whether there is a dataset of that name; arguments as of `group`.

    Raises:
        GalleryError: there is a link.
    """
    return isinstance(_own(parent, key, path, place), _h5py().Dataset)


def text_or_none(attributes: Any, name: str, place: str) -> str | None:
    """A text among attributes.

    Raises:
        GalleryError: it is there, and no text.
    """
    if name not in attributes:
        return None
    kind = attributes.get_id(name)
    if kind.shape not in ((), (1,)) or kind.get_storage_size() > _LONGEST:
        raise GalleryError(f"{place}: attribute {name!r}: expected one text")
    return _decoded(attributes[name], f"{place}: attribute {name!r}")


def text(found: Any, place: str) -> str:
    """The text of a dataset.

    Raises:
        GalleryError: it has none.
    """
    if found.shape not in ((), (1,)) or found.dtype.itemsize > _LONGEST:
        raise GalleryError(f"{place}: expected one text, got {found.dtype} {found.shape}")
    return _decoded(found[()], place)


def _decoded(value: Any, place: str) -> str:
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            raise GalleryError(f"{place}: {value!r:.60} is no UTF-8") from None
    if not isinstance(value, str):
        raise GalleryError(f"{place}: expected text, got {value!r:.60}")
    return str(value)


def _own(parent: Any, key: str, path: str, place: str) -> Any:
    """A part that is really in its group, not somewhere else by a link; None: there is none."""
    try:
        link = parent.get(key, getlink=True)
        if link is None:
            return None
        if not isinstance(link, _h5py().HardLink):
            raise GalleryError(f"{path}: {place}: is a link to another place; that is not followed")
        return parent[key]
    except DAMAGE as error:
        raise GalleryError(f"{path}: {place}: damaged ({error!s:.200})") from None


def _h5py() -> Any:
    return needed("h5py", "HDF5 files")
