"""What is made of a tracked video: tables, pictures, subtitles, annotated and anonymised videos."""

from facewise.video.results.annotating import annotate
from facewise.video.results.anonymising import COVERING, anonymise, write_anonymised
from facewise.video.results.canvas import write_picture
from facewise.video.results.chips import save_chips
from facewise.video.results.contact_sheet import contact_sheet
from facewise.video.results.covering import Region, cover
from facewise.video.results.hiding import Hidden, hidden
from facewise.video.results.labels import Colors, labels_of
from facewise.video.results.presence import Presence, presences
from facewise.video.results.subtitles import Cue, cues, subtitles, write_subtitles
from facewise.video.results.table import COLUMNS, rows, write_json, write_parquet
from facewise.video.results.timeline import timeline
from facewise.video.results.tracked_video import TrackedVideo, collect
from facewise.video.results.whom import Whom
from facewise.video.results.writing import write_annotated

__all__ = [
    "COLUMNS",
    "COVERING",
    "Colors",
    "Cue",
    "Hidden",
    "Presence",
    "Region",
    "TrackedVideo",
    "Whom",
    "annotate",
    "anonymise",
    "collect",
    "contact_sheet",
    "cover",
    "cues",
    "hidden",
    "labels_of",
    "presences",
    "rows",
    "save_chips",
    "subtitles",
    "timeline",
    "write_annotated",
    "write_anonymised",
    "write_json",
    "write_parquet",
    "write_picture",
    "write_subtitles",
]
