"""Search among many vectors: exact, or approximate with a recall that is stated."""

from __future__ import annotations

from facewise.gallery.search.facts import IndexFacts
from facewise.gallery.search.index import EXACT_UP_TO, GalleryIndex
from facewise.gallery.search.matches import Matches
from facewise.gallery.search.source import FaceSource

__all__ = ["EXACT_UP_TO", "FaceSource", "GalleryIndex", "IndexFacts", "Matches"]
