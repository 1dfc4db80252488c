"""Whether an MP4 file has lost its index."""

from __future__ import annotations

from pathlib import Path


def lacks_index(path: Path) -> bool:
    """Whether a file is an MP4 without the box `moov`, without which nothing in it can be found.

    It is written last, so a recording that was cut off has none (ISO/IEC 14496-12, 4.2 and 8.2.1).
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            at, seen = 0, False
            while at + 8 <= size:
                file.seek(at)
                head = file.read(16)
                length, kind = int.from_bytes(head[:4], "big"), head[4:8]
                if kind in {b"moov", b"moof"}:
                    return False
                if at == 0 and kind not in {b"ftyp", b"wide", b"mdat"}:
                    return False
                seen = True
                length = int.from_bytes(head[8:16], "big") if length == 1 else length or size
                at += max(8, length)
            return seen
    except OSError:
        return False
