"""Whose faces are covered, where it is not everyone's."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from facewise.recognition import UNKNOWN

if TYPE_CHECKING:
    from facewise.video.naming import Limits, Track

Who = Literal["everyone", "unknown", "named"]

_SURE = 0.5
"""Confidence of a name from which on it is not in doubt."""

_GOOD = 0.25
"""Quality of a stranger's best face from which on it would have been known."""


@dataclass(frozen=True, slots=True)
class Whom:
    """Whose faces are covered; where it is in doubt whose a face is, it is covered.

    In doubt are: a name whose confidence is below 0.5; a stranger none of whose faces has a
    quality of 0.25; a stranger who is nearly as like a known person as would be enough for the
    name (`Limits.kept`); and tracks of which no face was embedded.

    Attributes:
        who: everyone; people without a name (`unknown`); or people with one (`named`).
        names: of `who`, only these: names, or labels of strangers as `person 3`; empty: all.
        spared: of `who`, all but these.

    Raises:
        ValueError: `who` is none of these, or names and spared are both given.
    """

    who: Who = "everyone"
    names: frozenset[str] = frozenset()
    spared: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.who not in get_args(Who):
            raise ValueError(f"whom: expected one of {', '.join(get_args(Who))}, got {self.who!r}")
        if self.names and self.spared:
            raise ValueError("names and spared: give one of them")
        if UNKNOWN in self.names | self.spared:
            raise ValueError(f"{UNKNOWN!r} is not a name; see `who`")

    @property
    def everyone(self) -> bool:
        """All faces, whosever they are, so that nobody needs a name."""
        return self.who == "everyone" and not self.names and not self.spared

    def covers(self, track: Track | None, limits: Limits | None) -> bool:
        """Whether the face of a track is covered.

        Args:
            track: with its final name; None: nothing is known of it.
            limits: that names were decided by.
        """
        if self.everyone or track is None:
            return True
        return self._means(track) or _doubtful(track, limits)

    def absent(self, labels: Iterable[str]) -> set[str]:
        """Of the names and the spared, those that are not among these labels."""
        return set(self.names | self.spared) - set(labels)

    def _means(self, track: Track) -> bool:
        if self.who != "everyone" and track.known != (self.who == "named"):
            return False
        return track.label in self.names if self.names else track.label not in self.spared


def as_names(field: str, names: Collection[str]) -> frozenset[str]:
    """Names as a set.

    Raises:
        ValueError: it is one name, which would be taken for a collection of letters.
    """
    if isinstance(names, str):
        raise ValueError(f"{field}: expected a collection of names, as [{names!r}], got {names!r}")
    return frozenset(names)


def _doubtful(track: Track, limits: Limits | None) -> bool:
    if track.known:
        return track.confidence < _SURE
    if not track.person or track.best is None or track.best.quality < _GOOD:
        return True
    alike = track.similarity
    return limits is None or (alike is not None and alike >= limits.kept)
