"""A store's own search: what a gallery needs of it to make its index and to know its recall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from facewise.gallery.records import Ids, Vectors

RECALL = 0.99
"""The part of answers that must be right where a gallery is so large that search is approximate."""


class WidthRecall(NamedTuple):
    """What an approximate search finds of what an exact one finds, as it was measured.

    Attributes:
        width: of the search: how many candidates are kept in view.
        at_1: how often the best face is found.
        at_10: the part of the ten best faces that is found.
    """

    width: int
    at_1: float
    at_10: float


@dataclass(frozen=True, slots=True)
class OwnSearchFacts:
    """How a store searches by itself, and what it promises.

    Attributes:
        by: what searches, for people to read: "pgvector".
        kind: how the next search is done.
        faces: in the store.
        has_index: there is an index for approximate search, and it is whole.
        index_bytes: of that.
        recall_at_1: of the search that `kind` says; 1 where it is exact.
        recall_at_10: the same for the ten best faces.
        measured_with: faces that there were when recalls were measured; 0: they were not.
    """

    by: str
    kind: Literal["exact", "hnsw"]
    faces: int
    has_index: bool
    index_bytes: int
    recall_at_1: float
    recall_at_10: float
    measured_with: int


class OwnSearch(Protocol):
    """The search of a store. Every method raises `GalleryError` as those of the store do."""

    def facts(self) -> OwnSearchFacts:
        """How it searches now."""

    def search_with(self, probes: Vectors, k: int, width: int | None) -> tuple[Ids, Ids, Vectors]:
        """`Store.search` with a width, or exactly."""

    def sample(self, count: int) -> Vectors:
        """Up to so many vectors, float32 (n, d), from all over the store."""

    def make_index(self) -> bool:
        """Make the index anew; its recall is not known then, and until then search is exact.

        Returns:
            Whether it was made: not where another process is making it, only others may, or there
            can be none for so many dimensions.
        """

    def keep_recalls(self, recalls: Sequence[WidthRecall], faces: int) -> None:
        """Keep what was measured, with so many faces; all who open the store search by it."""


@runtime_checkable
class SearchingStore(Protocol):
    """A store that may have a search of its own.

    Attributes:
        own_search: it, or None where this one has none.
    """

    own_search: OwnSearch | None


def width_for(recalls: Sequence[WidthRecall], k: int) -> int | None:
    """The least width that has a recall of `RECALL`, at 1 or for larger k at 10; None: none has."""
    enough = (r.width for r in recalls if (r.at_1 if k == 1 else r.at_10) >= RECALL)
    return next(enough, None)
