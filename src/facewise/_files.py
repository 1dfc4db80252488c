"""Write files whole: beside their place, and then there."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def replace_file(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file so that a reader finds the old content or the new, never a part.

    A link stays a link, and its target is replaced, with its permissions kept; a pipe or a device
    is written to. It is not waited for the disk: after a power cut it may be the old one.

    Args:
        path: of the file; folders that are not there are made.
        content: what it is to hold.
        private: a new file, and new folders, can be read by their owner only (mode 600 and 700).

    Raises:
        OSError: it cannot be written; names it. An older file is left as it is.
    """
    try:
        _replace(path, content, private)
    except OSError as error:  # which may name a draft of ours
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def part_of(place: Path, mark: str = "") -> Path:
    """A new name for a draft, hidden beside the file's place: `.NAME.[MARK.]RANDOM.part`.

    Args:
        place: where the file is to be.
        mark: with a dot at its end, or empty.
    """
    return place.with_name(f"{drafts_of(place)}{mark}{secrets.token_hex(4)}.part")


def drafts_of(place: Path) -> str:
    """What the names of all drafts of a file begin with; file systems take 255 bytes of a name."""
    stem = place.name.encode(errors="ignore")[:100].decode(errors="ignore")
    return f".{stem}."


def begins_with(path: Path, content: bytes) -> bool:
    """Whether nothing is at a place, or a file that begins so, or an empty one.

    Raises:
        OSError: it cannot be read, as a folder.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(content))
    except FileNotFoundError:
        return True
    return start in {content, b""}


def runs(process: int) -> bool:
    """Whether there is a process of this number on this machine."""
    if os.name != "posix":  # elsewhere nobody can be asked for without being ended
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def publish(part: Path, place: Path, *, over: bool, sync: bool = True) -> None:
    """Give a draft, which is closed, its place.

    Args:
        part: the draft; it may still be there afterwards.
        place: beside it.
        over: replace a file that is there, and keep its permissions.
        sync: when this returns, a power cut loses neither the file nor its name.

    Raises:
        FileExistsError: without `over`, something is there.
        OSError: it cannot be written.
    """
    if sync:
        to_disk(part)
    if over:
        if place.exists():
            part.chmod(place.stat().st_mode & 0o777)
        part.replace(place)
    else:
        try:
            os.link(part, place)  # unlike a rename, never over another file
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if os.path.lexists(place):
                raise FileExistsError(str(place)) from None
            part.rename(place)
    if sync:
        to_disk(place.parent)


def to_disk(path: Path) -> None:
    """Have a file, or what a folder says of its files, reach the disk.

    Raises:
        OSError: the disk refuses.
    """
    folder = path.is_dir()
    if folder and os.name != "posix":  # Windows cannot
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace(path: Path, content: bytes, private: bool) -> None:
    if path.exists() and not path.is_file():  # before links are followed: /dev/stdout is one
        path.write_bytes(content)
        return
    path = Path(os.path.realpath(path))
    _make_folders(path.parent, private)
    part = part_of(path)
    try:
        if private:
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        part.write_bytes(content)
        publish(part, path, over=True, sync=False)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _make_folders(folder: Path, private: bool) -> None:
    if private and not folder.is_dir():
        _make_folders(folder.parent, private)
        folder.mkdir(mode=0o700, exist_ok=True)
    else:
        folder.mkdir(parents=True, exist_ok=True)
