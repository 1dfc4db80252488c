"""Sort a collection of photos into people who have no names yet; see docs/curation.md."""

from facewise.curation.clustering.album import Album
from facewise.curation.clustering.collecting import Collected, collect
from facewise.curation.clustering.limits import Limits, limits_for
from facewise.curation.clustering.methods import DEFAULT_METHOD, Method, clustered
from facewise.curation.clustering.records import Cluster, KeptFace
from facewise.curation.clustering.sorting import Sorted, sort

__all__ = [
    "DEFAULT_METHOD",
    "Album",
    "Cluster",
    "Collected",
    "KeptFace",
    "Limits",
    "Method",
    "Sorted",
    "clustered",
    "collect",
    "limits_for",
    "sort",
]
