"""Put pictures where they belong: copies or links, never over a file, and back again.

Originals are read and nothing else. Whatever is made is in a journal before it is made, so a run
that was killed can go on, and any run can be undone.
"""

from facewise.curation.placing.journal import Entry, Journal, read_journal
from facewise.curation.placing.names import safe_name
from facewise.curation.placing.placing import How, Placed, Placement, place
from facewise.curation.placing.undoing import Undone, undo

__all__ = [
    "Entry",
    "How",
    "Journal",
    "Placed",
    "Placement",
    "Undone",
    "place",
    "read_journal",
    "safe_name",
    "undo",
]
