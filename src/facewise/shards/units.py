"""Units of work: some pictures each, fixed before the first one is opened."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Unit:
    """What one shard is made of: pictures of a list, or a tar file or a part of one.

    Attributes:
        source: the folder or tar file, a path or URL; empty where keys are whole paths or URLs.
        keys: paths of the pictures in the source, in order; empty of a tar file.
        labels: a label for each of the keys that has one of its own; else empty.
        span: of a tar file that is cut into parts, the bytes from and to which this part reaches.
        digest: equal for units with the same pictures: their keys, and sizes where the source tells
            them; of a tar file its name and size. Not where they lie.
        tar: the source is a tar file.
    """

    source: str
    digest: str
    keys: tuple[str, ...] = ()
    labels: tuple[str | None, ...] = ()
    span: tuple[int, int] | None = None
    tar: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values that `from_dict` makes an equal unit of."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Unit:
        """The unit that `to_dict` was called of, also after a way through JSON."""
        span = values["span"]
        return cls(
            values["source"],
            values["digest"],
            tuple(values["keys"]),
            tuple(values["labels"]),
            None if span is None else (span[0], span[1]),
            values["tar"],
        )


def files_digest(pictures: Iterable[tuple[str, int | None, str | None]]) -> str:
    """Of pictures, in order: key, bytes or None where that is not known, label or None."""
    digest = hashlib.sha256(b"files\0")
    for picture in pictures:
        digest.update(f"{tuple(picture)}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def tar_digest(name: str, size: int | None, span: tuple[int, int] | None) -> str:
    """Of a tar file, or a part of one."""
    words = f"tar\0{name}\0{size}\0{span}"
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()
