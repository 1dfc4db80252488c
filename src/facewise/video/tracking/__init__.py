"""Track faces through a video: find them now and then, and follow them in between."""

from facewise.video.tracking.options import TrackingOptions
from facewise.video.tracking.records import TrackedFrame
from facewise.video.tracking.schedules import (
    Adaptive,
    EveryNth,
    Schedule,
    Signs,
    usual_schedule,
)
from facewise.video.tracking.tracker import Tracker

__all__ = [
    "Adaptive",
    "EveryNth",
    "Schedule",
    "Signs",
    "TrackedFrame",
    "Tracker",
    "TrackingOptions",
    "usual_schedule",
]
