"""Know a weight file by its sha256.

A file of 100 MB takes a noticeable time to hash, so digests are remembered in the cache folder. A
memory counts only while the file is provably the same: same inode, size, modification time and
change time. The last of these cannot be set back by copying tools, so a file that was replaced
and given its old date is hashed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from pathlib import Path

from facewise._files import replace_file
from facewise.errors import ModelError
from facewise.zoo.cache import cache_dir
from facewise.zoo.spec import ModelSpec

_CHUNK = 1 << 20
_SETTLED_NS = 2_000_000_000  # FAT's clock, the coarsest in use, ticks every two seconds


def file_sha256(path: str | os.PathLike[str], *, memo: bool = True) -> str:
    """The sha256 of a file as 64 lower-case hexadecimal digits, read in small pieces.

    Args:
        path: any file.
        memo: take the digest from an earlier call when the file has not changed since.

    Raises:
        ModelError: the file cannot be read.
    """
    path = Path(path)
    try:
        before = _stamp(path)
        if memo and (known := _recall(path, before)):
            return known
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        after = _stamp(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from error
    # A file written to within the clock's tick could change once more and keep its stamp.
    if before == after and time.time_ns() - max(after[-2:]) > _SETTLED_NS:
        _remember(path, after, digest.hexdigest())
    return digest.hexdigest()


def check(spec: ModelSpec, path: Path, *, memo: bool = True) -> None:
    """Compare a weight file with what is known of it: its size, then its sha256.

    Args:
        spec: the model.
        path: a file that should be its weights.
        memo: see `file_sha256`.

    Raises:
        ModelError: the file is not the expected one, or cannot be read.
    """
    expected_size = spec.weights.size
    if expected_size is not None:
        try:
            size = path.stat().st_size
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
        if size != expected_size:
            raise ModelError(f"{path}: damaged: {size} bytes, expected {expected_size}")
    expected = expected_sha256(spec, path)
    if expected is None:
        return
    found = file_sha256(path, memo=memo)
    if found != expected:
        hint = ""
        if spec.weights.sha256 is None:
            hint = f"; if you replaced it on purpose, delete {sidecar(path)}"
        raise ModelError(f"{path}: damaged: sha256 is {found}, expected {expected}{hint}")


def sidecar(path: Path) -> Path:
    """The file beside a weight file that holds the sha256 of its first download."""
    return path.with_name(f"{path.name}.sha256")


def record_sha256(path: Path, digest: str) -> None:
    """Record the sha256 of a file no one has published one for, in the form of `sha256sum`."""
    replace_file(sidecar(path), f"{digest}  {path.name}\n".encode())


def expected_sha256(spec: ModelSpec, path: Path) -> str | None:
    """What a weight file must hash to: the published sha256, else the recorded one, else None.

    Raises:
        ModelError: there is a record, and it is not a sha256.
    """
    if spec.weights.sha256 is not None:
        return spec.weights.sha256
    record = sidecar(path)
    try:
        text = record.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{record}: cannot be read ({error})") from error
    match = re.match(r"[0-9a-f]{64}\b", text)
    if match is None:
        raise ModelError(f"{record}: does not begin with a sha256; delete it")
    return match[0]


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _memo(path: Path) -> Path:
    key = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    return cache_dir() / "hashes" / f"{key}.json"


def _recall(path: Path, stamp: list[int]) -> str | None:
    try:
        known = json.loads(_memo(path).read_bytes())
        return str(known["sha256"]) if known["stamp"] == stamp else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(path: Path, stamp: list[int], digest: str) -> None:
    known = {"path": str(path), "stamp": stamp, "sha256": digest}
    with contextlib.suppress(OSError):  # a read-only cache costs time, not correctness
        replace_file(_memo(path), json.dumps(known).encode())
