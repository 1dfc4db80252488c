"""Change who is who: rename, merge, split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from facewise.errors import GalleryError
from facewise.gallery.finding import find_person

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from facewise.gallery.change import PersonFields
    from facewise.gallery.records import Person
    from facewise.gallery.store import Store


def update(store: Store, who: str | int, **fields: Unpack[PersonFields]) -> Person:
    """Change name, notes, consent or retention date of a person.

    Returns:
        The person as it is now.

    Raises:
        GalleryError: there is no such person, or the name is taken or cannot be one.
    """
    with store.change() as change:
        person = find_person(change, who)
        change.update_person(person.id, **fields)
        change.note("rename" if "name" in fields else "update", person.id)
        return find_person(change, person.id)


def merge(store: Store, who: str | int, into: str | int) -> tuple[Person, int]:
    """Give all faces of one person to another, and remove the first.

    The second keeps its name and notes, and its consent unless it has none; of two retention
    dates the earlier one holds.

    Returns:
        The second person as it is now, and how many faces moved.

    Raises:
        GalleryError: there is no such person, or both are the same.
    """
    with store.change() as change:
        gone, kept = find_person(change, who), find_person(change, into)
        if gone.id == kept.id:
            raise GalleryError(f"merge: {kept.name!r} is the same person, number {kept.id}")
        faces = [face.id for face in change.faces(gone.id)]
        change.move_faces(faces, kept.id)
        days = [day for day in (gone.retain_until, kept.retain_until) if day is not None]
        change.update_person(
            kept.id,
            consent=kept.consent or gone.consent,
            retain_until=min(days, default=None),
        )
        change.remove_person(gone.id)
        change.note("merge", kept.id, len(faces), f"person {gone.id} is now person {kept.id}")
        return find_person(change, kept.id), len(faces)


def split(store: Store, face_ids: Sequence[int], name: str) -> Person:
    """Give faces of one person to a new one, who has the same consent and retention date.

    Returns:
        The new person.

    Raises:
        GalleryError: a face is not there, they belong to several people or are all that the person
            has (rename it), or the name is taken or cannot be one.
    """
    wanted = sorted(set(face_ids))
    with store.change() as change:
        owners = set()
        for face_id in wanted:
            face = change.face(face_id)
            if face is None:
                raise GalleryError(f"split: no face {face_id} in this gallery")
            owners.add(face.person_id)
        if len(owners) != 1:
            raise GalleryError(
                f"split: expected faces of one person, got those of {len(owners)} people"
            )
        origin = find_person(change, owners.pop())
        if len(change.faces(origin.id)) == len(wanted):
            raise GalleryError(f"split: these are all faces of {origin.name!r}; rename the person")
        new = change.add_person(name, consent=origin.consent, retain_until=origin.retain_until)
        change.move_faces(wanted, new)
        change.note("split", new, len(wanted), f"from person {origin.id}")
        return find_person(change, new)
