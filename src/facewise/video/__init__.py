"""Videos and cameras: read and write them, track the faces in them, say who is there and when.

Needs the extra `video`. The names are loaded when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facewise.errors import VideoError
    from facewise.video.api import track
    from facewise.video.frames import VideoFrame
    from facewise.video.naming import Track
    from facewise.video.running import Tracking
    from facewise.video.sources import Source, open_source
    from facewise.video.writing import VideoWriter

__all__ = [
    "Source",
    "Track",
    "Tracking",
    "VideoError",
    "VideoFrame",
    "VideoWriter",
    "open_source",
    "track",
]

_HOMES = {
    "Source": "facewise.video.sources",
    "Track": "facewise.video.naming",
    "Tracking": "facewise.video.running",
    "VideoError": "facewise.errors",
    "VideoFrame": "facewise.video.frames",
    "VideoWriter": "facewise.video.writing",
    "open_source": "facewise.video.sources",
    "track": "facewise.video.api",
}


if not TYPE_CHECKING:  # type checkers know the names above, and no others

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'facewise.video' has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return value
