"""The index of a data set: what it is, how it is read and written, and how people are chosen."""

from facewise.training.data.csv_index import read_csv, write_csv
from facewise.training.data.face_index import FaceIndex, at_least, split_people
from facewise.training.data.folder import read_folder
from facewise.training.data.lfw import read_lfw_view1
from facewise.training.data.recordio import read_recordio
from facewise.training.data.verification import verified

__all__ = [
    "FaceIndex",
    "at_least",
    "read_csv",
    "read_folder",
    "read_lfw_view1",
    "read_recordio",
    "split_people",
    "verified",
    "write_csv",
]
