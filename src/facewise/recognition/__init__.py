"""Who is in a picture: compare two pictures, or name the faces of many from a folder of people."""

from facewise.recognition.calibration import Calibration, Far
from facewise.recognition.calibration_file import load_calibration
from facewise.recognition.identification import (
    PhotoResult,
    Recognition,
    identify,
    recognize,
    recognize_each,
)
from facewise.recognition.people import UNKNOWN, People, Problem, load_people
from facewise.recognition.thresholds import DEFAULT_FAR, choose_threshold
from facewise.recognition.verification import Comparison, compare

__all__ = [
    "DEFAULT_FAR",
    "UNKNOWN",
    "Calibration",
    "Comparison",
    "Far",
    "People",
    "PhotoResult",
    "Problem",
    "Recognition",
    "choose_threshold",
    "compare",
    "identify",
    "load_calibration",
    "load_people",
    "recognize",
    "recognize_each",
]
