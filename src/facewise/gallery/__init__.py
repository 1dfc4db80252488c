"""A gallery: people who are known, their faces as vectors, in a store that keeps what it was told.

The public names are loaded when they are first used: a store needs no network, and does not wait
for PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facewise.gallery.change import Change
    from facewise.gallery.enrolment import Enrolment, EnrolOptions
    from facewise.gallery.gallery import Gallery
    from facewise.gallery.records import (
        AuditEntry,
        Counts,
        FaceChanges,
        FaceRecord,
        ModelFacts,
        NewFace,
        Person,
        VectorBlock,
    )
    from facewise.gallery.store import Store, open_store

__all__ = [
    "AuditEntry",
    "Change",
    "Counts",
    "EnrolOptions",
    "Enrolment",
    "FaceChanges",
    "FaceRecord",
    "Gallery",
    "ModelFacts",
    "NewFace",
    "Person",
    "Store",
    "VectorBlock",
    "open_store",
]

_HOMES = {
    "Change": "change",
    "EnrolOptions": "enrolment",
    "Enrolment": "enrolment",
    "Gallery": "gallery",
    "Store": "store",
    "open_store": "store",
}


if not TYPE_CHECKING:  # type checkers know the names above, and no others

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module 'facewise.gallery' has no attribute {name!r}")
        value = getattr(import_module(f"facewise.gallery.{_HOMES.get(name, 'records')}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
