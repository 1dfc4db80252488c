from __future__ import annotations

import hashlib
from pathlib import Path

from facewise.evaluation.digest import data_digest


def test_by_hand(tmp_path: Path) -> None:
    files = []
    for i in range(150):
        files.append(tmp_path / f"{i}.jpg")
        files[-1].write_bytes(b"content %d" % i)
    names = [file.name for file in files]
    lines = [f"{hashlib.sha256(f.read_bytes()).hexdigest()} {f.name}\n" for f in files]
    done: list[int] = []
    assert (
        data_digest(files, names, done.append)
        == hashlib.sha256("".join(lines).encode()).hexdigest()
    )
    assert done == list(range(1, 151))
    # Contents in a pack count as files do; a name, a byte and the order make a difference.
    whole = data_digest(files, names)
    assert data_digest([file.read_bytes() for file in files], names) == whole
    assert data_digest(files[::-1], names[::-1]) != whole
    assert data_digest(files, ["other", *names[1:]]) != whole
    files[3].write_bytes(b"another")
    assert data_digest(files, names) != whole


def test_what_cannot_be_read(tmp_path: Path) -> None:
    expected = hashlib.sha256(b"unreadable gone.jpg\n").hexdigest()
    assert data_digest([tmp_path / "gone.jpg"], ["gone.jpg"]) == expected
    assert data_digest([], []) == hashlib.sha256(b"").hexdigest()
