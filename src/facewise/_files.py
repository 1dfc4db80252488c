"""Write files whole."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds the old content or the new, never a part.

    A link stays a link, and its target is replaced, with its permissions kept; a pipe or a device
    is written to.

    Raises:
        OSError: it cannot be written; names it. An older file is left as it is.
    """
    try:
        _replace(path, content)
    except OSError as error:  # which may name a draft of ours
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _replace(path: Path, content: bytes) -> None:
    if path.exists() and not path.is_file():  # before links are followed: /dev/stdout is one
        path.write_bytes(content)
        return
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        draft.write_bytes(content)
        if path.exists():
            draft.chmod(path.stat().st_mode & 0o777)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
