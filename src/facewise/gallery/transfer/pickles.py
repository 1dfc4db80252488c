"""Tell pickles from files that only hold data, without running them, and say what to do instead."""

from __future__ import annotations

import os
import pickletools
import re
from pathlib import Path

from facewise.errors import GalleryError

SUFFIXES = (".pkl", ".pickle", ".p", ".dat", ".joblib", ".pt", ".pth")
"""What files of pickles are called; `.dat` in the examples of face_recognition."""

START = 1 << 16
"""First bytes of a file that are looked at."""

_STOP = b"."  # the last operation of every pickle
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"]\x00\x00": "lzma",
    b"\x04\x22\x4d\x18": "lz4",
    b"x\x01": "zlib",
    b"x\x5e": "zlib",
    b"x\x9c": "zlib",
    b"x\xda": "zlib",
}
_ENOUGH = 20  # operations that no text looks like by chance


def refusal(place: object, what: str) -> GalleryError:
    """The error for a pickle.

    Args:
        place: the file.
        what: how it is known that it is one.
    """
    return GalleryError(
        f"{place}: {what}. It is not read: to load a pickle is to run whatever program is in it. "
        "If you trust it, turn it into a file of plain numbers where it was made: "
        "python -c \"import pickle, numpy as n; d = pickle.load(open('encodings.pickle', 'rb')); "
        "n.savez('faces.npz', vectors=n.array(d['encodings']), names=n.array(d['names']))\" "
        "and import faces.npz (other forms: docs/gallery-files.md). Or enrol the pictures again"
    )


def refuse_pickle(path: Path, start: bytes) -> None:
    """Refuse a file that is a pickle, or is packed and may hold one.

    Args:
        path: of the file.
        start: its first bytes, up to `START`.

    Raises:
        GalleryError: why, and what to do.
    """
    if re.match(rb"\x80[\x02-\x05]", start) or _old_pickle(path, start):
        raise refusal(path, "a pickle, as face_recognition's examples write")
    for magic, kind in _PACKED.items():
        if start.startswith(magic):
            raise refusal(path, f"packed with {kind}, as joblib packs pickles (unpack other files)")
    if path.suffix.lower() in SUFFIXES:
        raise refusal(path, f"by its name ({path.suffix}) a pickle")


def _old_pickle(path: Path, start: bytes) -> bool:
    """Whether it is a pickle of protocol 0 or 1, which begin like any text: by taking it apart.

    `pickletools.genops` runs nothing.
    """
    count, end = 0, -1
    try:
        for _, _, place in pickletools.genops(start):
            count += 1
            end = place or 0
    except Exception:  # what a text, or the first part of a pickle, is misunderstood as
        if count < _ENOUGH or len(start) < START:
            return False
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == _STOP
    return count > 1 and not start[end + 1 :].strip()
