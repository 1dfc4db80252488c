"""Make tar files, for tests."""

from __future__ import annotations

import io
import tarfile


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def tar_of(files: dict[str, bytes], mode: str = "w", **options: object) -> bytes:
    """The bytes of a tar file of some files, by name, in order."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode, **options) as tar:
        for name, own in files.items():
            add(tar, name, own)
    return content.getvalue()
