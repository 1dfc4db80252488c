"""One model of a protocol of pairs, as its report sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.evaluation.scored import Scored

_FAR = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """One model: what the record says of it, and its pairs that count.

    Attributes:
        name: of the model.
        record: its entry among the record's `models`.
        scored: what it made of all pairs.
        similarity: float64 (k,), of the pairs that count; NaN where a pair failed.
        same: bool (k,), of these.
        dropped: failed pairs do not count.
    """

    name: str
    record: Mapping[str, Any]
    scored: Scored
    similarity: NDArray[np.float64]
    same: NDArray[np.bool_]
    dropped: bool

    @classmethod
    def of(cls, record: Mapping[str, Any], scored: Scored, same: NDArray[np.bool_]) -> Model:
        """A model by its entry, its similarities and the kind of all pairs."""
        similarity, dropped = scored.similarity, False
        if scored.verification is not None and not scored.verification.counted.all():
            dropped = True
            similarity = similarity[scored.verification.counted]
            same = same[scored.verification.counted]
        return cls(scored.model, record, scored, similarity, same, dropped)

    @property
    def figures(self) -> Mapping[str, Any]:
        """The figures by name."""
        found: Mapping[str, Any] = self.record.get("figures", {})
        return found

    @property
    def points(self) -> Sequence[Mapping[str, Any]]:
        """Points of the curve; see `TarAtFar`."""
        found: Sequence[Mapping[str, Any]] = self.figures.get("tar_at_far", ())
        return found

    @property
    def headline(self) -> Mapping[str, Any] | None:
        """The point that is spoken of first: at FAR 1e-3, or the next above it that is known."""
        known = [point for point in self.points if point["tar"] is not None]
        wanted = [point for point in known if point["far"] >= _FAR * (1 - 1e-9)]
        return min(wanted or known, key=lambda point: float(point["far"]), default=None)
