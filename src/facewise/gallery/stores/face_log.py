"""A log of what happened to faces, and its sum."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from facewise.gallery.records import FaceChanges

Kind: TypeAlias = Literal["added", "removed", "moved", "people"]
"""`people`: something that concerns no face, a new name for example."""

_CODES: dict[str, int] = {"added": 0, "removed": 1, "moved": 2}


class Event(NamedTuple):
    """Something that happened to the faces from id `first` to id `last`, both included."""

    kind: Kind
    first: int
    last: int


def runs(kind: Kind, face_ids: Iterable[int]) -> Iterator[Event]:
    """Events for some faces: one for each run of ids without a gap."""
    first = last = None
    for face_id in sorted(face_ids):
        if first is None or last is None or face_id > last + 1:
            if first is not None and last is not None:
                yield Event(kind, first, last)
            first = face_id
        last = face_id
    if first is not None and last is not None:
        yield Event(kind, first, last)


def total(events: Sequence[Event], version: int) -> FaceChanges:
    """What events come to.

    Args:
        events: in the order in which they happened. A face is added and removed at most once.
        version: of the store after them.
    """
    told = [event for event in events if event.kind != "people"]
    if not told:
        none = np.empty(0, np.int64)
        return FaceChanges(none, none, none, version)
    ids = np.concatenate([np.arange(e.first, e.last + 1, dtype=np.int64) for e in told])
    codes = np.repeat([_CODES[e.kind] for e in told], [e.last + 1 - e.first for e in told])
    order = np.argsort(ids, kind="stable")  # by face, and for each by time
    ids, codes = ids[order], codes[order]
    new = np.flatnonzero(np.diff(ids, prepend=-1))
    faces, first = ids[new], codes[new]
    last = codes[np.append(new[1:], len(ids)) - 1]
    gone, came = last == _CODES["removed"], first == _CODES["added"]
    return FaceChanges(faces[came & ~gone], faces[gone], faces[~came & ~gone], version)


def next_version(version: int) -> int:
    """A version after this one; why the step is random: see `Store.version`."""
    return version + 1 + secrets.randbelow(1 << 16)
