"""Find what does not belong in folders of people, and put the rest in order."""

from facewise.curation.cleaning.agglomerative import outside_the_largest
from facewise.curation.cleaning.judging import Judged, judge
from facewise.curation.cleaning.page import cleaning_page
from facewise.curation.cleaning.pictures import (
    FolderPicture,
    PeopleFolders,
    find_pictures,
    read_people_folders,
)
from facewise.curation.cleaning.placements import JOURNAL, plan_decisions, plan_verdicts
from facewise.curation.cleaning.strangers import strangers_of
from facewise.curation.cleaning.verdicts import CleanOptions, Verdict, Verdicts, judge_pictures

__all__ = [
    "JOURNAL",
    "CleanOptions",
    "FolderPicture",
    "Judged",
    "PeopleFolders",
    "Verdict",
    "Verdicts",
    "cleaning_page",
    "find_pictures",
    "judge",
    "judge_pictures",
    "outside_the_largest",
    "plan_decisions",
    "plan_verdicts",
    "read_people_folders",
    "strangers_of",
]
