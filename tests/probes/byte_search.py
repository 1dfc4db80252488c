"""Search the bytes of files for what should not be there any more, or should."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facewise.gallery.search.coding import code

_PIECE = 8
_STEP = 64


def forms(vector: NDArray[np.float32]) -> dict[str, bytes]:
    """A vector in every form in which a gallery's files have it.

    The store has float32 and the index bfloat16 (or another, if it is asked for); the graph has
    int8, made of what the index has.
    """
    found = {form: _bytes(vector, form) for form in ("float32", "bfloat16", "int8")}
    kept = code(vector[None], "bfloat16").decoded().numpy()[0]
    return found | {"int8 of bfloat16": _bytes(kept, "int8")}


def pieces_in(files: Iterable[Path], sought: Mapping[str, bytes]) -> set[str]:
    """Of which texts a piece is in the files, at any place.

    Pages of a database cut long texts up, so pieces of 8 bytes are looked for, one in 64 bytes.

    Args:
        files: they are read whole; none may be the file of a store that this process has open.
        sought: texts of at least 8 bytes, by a label.

    Returns:
        The labels of those that were found.
    """
    labels, pieces = [], []
    for label, text in sought.items():
        for start in range(0, len(text) - _PIECE + 1, _STEP):
            labels.append(label)
            pieces.append(text[start : start + _PIECE])
    if not pieces:
        return set()
    keys = np.frombuffer(b"".join(pieces), "<u8")
    first = np.zeros(1 << 16, bool)  # by the first two bytes, which tells nearly all others away
    first[keys & 0xFFFF] = True
    found = np.zeros(len(keys), bool)
    for path in files:
        held = content(path)
        for start in range(_PIECE):
            size = (len(held) - start) // _PIECE * _PIECE
            part = np.frombuffer(held[start : start + size], "<u8")
            found |= np.isin(keys, part[first[part & 0xFFFF]])
    return {labels[place] for place in np.flatnonzero(found).tolist()}


def content(path: Path) -> bytes:
    """What a file holds; nothing where a server has removed it since it was listed."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def files_below(*folders: Path) -> list[Path]:
    """All files of some folders."""
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def _bytes(vector: NDArray[np.float32], form: str) -> bytes:
    return bytes(code(vector[None], form).values.untyped_storage())  # type: ignore[arg-type]
