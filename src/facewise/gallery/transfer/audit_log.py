"""An audit log from its beginning, and what it says of a migration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from facewise.gallery.change import Change
    from facewise.gallery.records import AuditEntry
    from facewise.gallery.store import Store

_PAGE = 1000
_ACTION = "migrate"
_DETAIL = re.compile(r"(begun|log|complete): gallery (\S+), version ([0-9]+)\Z")


class Mark(NamedTuple):
    """What a migration copies.

    Attributes:
        identity: of the source.
        version: of the source.
    """

    identity: str
    version: int

    def note_begun(self, change: Change) -> None:
        """Write that the migration has begun, as the first entry of the target's log."""
        change.note(_ACTION, detail=f"begun: gallery {self.identity}, version {self.version}")

    def note_log(self, change: Change) -> None:
        """Write that the entries of the source's log follow, and then `note_complete`.

        All that is in one change. So this entry, the second one of the log, tells by itself that
        the migration is complete: nobody has to read a long log to the end.
        """
        change.note(_ACTION, detail=f"log: gallery {self.identity}, version {self.version}")

    def note_complete(self, change: Change, faces: int) -> None:
        """Write that all is there."""
        detail = f"complete: gallery {self.identity}, version {self.version}"
        change.note(_ACTION, count=faces, detail=detail)


class Marks(NamedTuple):
    """What a log says of a migration to its gallery.

    Attributes:
        begun: what is or was copied there; None where the log does not begin with that.
        complete: when it was complete, or None.
        others: there is something else in the log.
    """

    begun: Mark | None
    complete: datetime | None
    others: bool


def marks(target: Store, identity: str) -> Marks:
    """What the log of a gallery says of the migration of another to it.

    Args:
        target: that may be the target.
        identity: of the source.
    """
    begun = complete = None
    others = False
    for number, entry in enumerate(entries(target)):
        found = _DETAIL.match(entry.detail) if entry.action == _ACTION else None
        mine = found is not None and found[2] == identity
        if number == 0 and found is not None and mine and found[1] == "begun":
            begun = Mark(identity, int(found[3]))
        elif begun is not None and found is not None and mine and found[1] == "complete":
            complete = entry.time
        else:
            others = True
    return Marks(begun, complete, others)


def is_unfinished(store: Store) -> bool:
    """Whether a gallery is the target of a migration that is not complete; quickly known."""
    log = entries(store)
    first = next(log, None)
    begun = _DETAIL.match(first.detail) if first is not None and first.action == _ACTION else None
    if begun is None or begun[1] != "begun":
        return False
    found = (_DETAIL.match(entry.detail) for entry in log if entry.action == _ACTION)
    return not any(end and end[1] != "begun" and end[2] == begun[2] for end in found)


def entries(store: Store) -> Iterator[AuditEntry]:
    """All entries that there are now, the oldest first, read a thousand at a time."""
    newest = store.audit(1)
    last, after = newest[0].id if newest else 0, 0
    while after < last:
        page = store.audit(_PAGE, before=min(after + _PAGE, last) + 1)
        yield from reversed([entry for entry in page if entry.id > after])
        after += _PAGE
