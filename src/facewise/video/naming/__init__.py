"""From tracks to names: who each track is, and which unknown tracks are one person."""

from facewise.video.naming.known import Known, KnownGallery, KnownPeople, Nobody
from facewise.video.naming.limits import Judge, Limits
from facewise.video.naming.namer import Namer
from facewise.video.naming.records import TRACK_COLUMNS, BestFace, Span, Track, track_table

__all__ = [
    "TRACK_COLUMNS",
    "BestFace",
    "Judge",
    "Known",
    "KnownGallery",
    "KnownPeople",
    "Limits",
    "Namer",
    "Nobody",
    "Span",
    "Track",
    "track_table",
]
