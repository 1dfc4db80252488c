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
    from facewise.gallery.transfer.exporting import Exported, ExportOptions
    from facewise.gallery.transfer.imported import Imported, ImportOptions
    from facewise.gallery.transfer.migrating import migrate
    from facewise.gallery.transfer.moving import Migration

__all__ = [
    "AuditEntry",
    "Change",
    "Counts",
    "EnrolOptions",
    "Enrolment",
    "ExportOptions",
    "Exported",
    "FaceChanges",
    "FaceRecord",
    "Gallery",
    "ImportOptions",
    "Imported",
    "Migration",
    "ModelFacts",
    "NewFace",
    "Person",
    "Store",
    "VectorBlock",
    "migrate",
    "open_store",
]

_HOMES = {
    "Change": "change",
    "EnrolOptions": "enrolment",
    "Enrolment": "enrolment",
    "ExportOptions": "transfer.exporting",
    "Exported": "transfer.exporting",
    "Gallery": "gallery",
    "ImportOptions": "transfer.imported",
    "Imported": "transfer.imported",
    "Migration": "transfer.moving",
    "Store": "store",
    "migrate": "transfer.migrating",
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
