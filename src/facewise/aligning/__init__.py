"""Cut the faces of a folder of photos beforehand: a folder of chips that lie as the photos do."""

from facewise.aligning.boxes_file import BoxLine, read_boxes
from facewise.aligning.chip_file import ChipFacts, facts_of
from facewise.aligning.cutter import CHOICES, Choice, Cutter
from facewise.aligning.folder import align_folder
from facewise.aligning.run import Failure, Several, Work, align_photos

__all__ = [
    "CHOICES",
    "BoxLine",
    "ChipFacts",
    "Choice",
    "Cutter",
    "Failure",
    "Several",
    "Work",
    "align_folder",
    "align_photos",
    "facts_of",
    "read_boxes",
]
