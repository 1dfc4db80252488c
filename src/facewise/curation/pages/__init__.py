"""Pages of faces that work from a file, without a network; a click overrules what was decided."""

from facewise.curation.pages.content import Choice, Group, Page, Section, Tile
from facewise.curation.pages.decisions import Decisions, read_decisions
from facewise.curation.pages.thumbnails import thumbnail
from facewise.curation.pages.writing import write_page

__all__ = [
    "Choice",
    "Decisions",
    "Group",
    "Page",
    "Section",
    "Tile",
    "read_decisions",
    "thumbnail",
    "write_page",
]
