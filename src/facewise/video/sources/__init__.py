"""Where frames come from: files, addresses, cameras and series of pictures."""

from facewise.video.sources.facts import AudioFacts, VideoFacts
from facewise.video.sources.opening import open_source
from facewise.video.sources.report import Damage, SourceReport
from facewise.video.sources.source import Source

__all__ = ["AudioFacts", "Damage", "Source", "SourceReport", "VideoFacts", "open_source"]
