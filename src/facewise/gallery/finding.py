"""From what a user calls a person to the person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from facewise.errors import GalleryError

if TYPE_CHECKING:
    from facewise.gallery.change import Reading
    from facewise.gallery.records import Person

_NUMBER = re.compile(r"#([0-9]{1,18})\Z")
_PAGE = 1000


def find_person(reading: Reading, who: str | int) -> Person:
    """The person of a name, or of a number.

    Args:
        reading: the store, or a change of it.
        who: a name, in upper or lower case; a number; or a number as text, `#12`, which
            nobody is called.

    Raises:
        GalleryError: there is no such person.
    """
    found: Person | None = None
    if isinstance(who, str):
        match = _NUMBER.match(who)
        if match is None:
            found = next(iter(reading.find_people(who)), None)
        else:
            found = reading.person(int(match[1]))
    else:
        found = reading.person(who)
    if found is None:
        raise GalleryError(
            f"no person {who!r:.80} in this gallery; expected a name, or a number such as #12 "
            "(`facewise gallery list` shows them)"
        )
    return found


def every_person(reading: Reading, after: int = 0) -> Iterator[Person]:
    """All people whose id is above `after`, ascending by id.

    Raises:
        GalleryError: the store is damaged or cannot be reached.
    """
    while page := reading.people(after, _PAGE):
        yield from page
        after = page[-1].id
