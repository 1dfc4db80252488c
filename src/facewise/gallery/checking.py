"""What is wrong with a gallery, and what only waits to be erased."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from facewise.errors import GalleryError
from facewise.gallery.store import NOT_ERASED
from facewise.gallery.transfer.audit_log import is_unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from facewise.gallery.records import AuditEntry
    from facewise.gallery.searching import Searcher
    from facewise.gallery.store import Store

ERASED = "erase"
"""In the audit log: what was removed and overwritten before is erased; `detail` has what of the
store that does not reach (`Store.out_of_reach`)."""

_FORGOTTEN = frozenset({"forget", "purge-expired", "change-key"})  # a face, or an old key
_EDITED = frozenset({"rename", "update", "merge"})  # leave a name or a text behind, and no face
"""Also `enrol` and import note `update`, where they change what is known of a person."""
_PAGE = 1000
_MOST = 100_000  # entries of the log that are looked through


@dataclass(frozen=True, slots=True)
class Checkup:
    """What was found.

    Attributes:
        problems: damage, and forgetting that was not completed, in words.
        notes: what is as it should be, and good to know.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, by the names of the attributes."""
        return asdict(self)


def checkup(store: Store, index: Callable[[], Searcher]) -> Checkup:
    """Look at everything.

    What was removed and is not erased yet is a problem after `forget` (it was interrupted), and a
    note where only `rename`, `merge` and other edits have left an old name or text behind.

    Args:
        store: of the gallery.
        index: gives what searches it; of a damaged store it may not come about.

    Raises:
        GalleryError: the store cannot be reached.
        OSError: the files of the index cannot be written.
    """
    problems, notes = [], []
    for problem in store.check():
        if NOT_ERASED in problem and _only_edited(store):
            notes.append(
                "names or texts that were changed are not erased yet; the next `forget` or "
                "`purge-expired` erases them"
            )
        else:
            problems.append(problem)
    if is_unfinished(store):
        problems.append("a migration to this gallery is not complete; start it again")
    try:
        problems += index().check()
    except GalleryError as error:
        if not problems:  # else that is why
            problems.append(str(error))
    return Checkup(tuple(problems), tuple(notes))


def unerased(store: Store) -> list[AuditEntry]:
    """Of the audit log what left something to erase, since everything was erased; newest first."""
    found = []
    for entry in _newest(store):
        if entry.action == ERASED:
            break
        if entry.action in _FORGOTTEN | _EDITED:
            found.append(entry)
    return found


def note_erased(store: Store, known: list[AuditEntry]) -> None:
    """Write into the audit log that all was erased, if there was something (`unerased`, before)."""
    if not known:
        return
    with store.change() as change:
        if unerased(store) == known:  # what others have removed meanwhile, they erase
            reach = store.out_of_reach
            change.note(ERASED, detail=f"not from {reach}" if reach else "")


def _only_edited(store: Store) -> bool:
    actions = {entry.action for entry in unerased(store)}
    return bool(actions) and actions <= _EDITED


def _newest(store: Store) -> Iterator[AuditEntry]:
    before = None
    for _ in range(0, _MOST, _PAGE):
        some = store.audit(_PAGE, before)
        yield from some
        if len(some) < _PAGE:
            return
        before = some[-1].id
