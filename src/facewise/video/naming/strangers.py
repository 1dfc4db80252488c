"""Strangers get numbers: which unknown tracks are one person."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from facewise.video.naming.clustering import clustered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.video.naming.limits import Judge

    Vector = NDArray[np.float32]


_GOOD = 0.6
"""Quality (`facewise.quality`) from which on a face lacks nothing."""

_DECADES = 2.4
"""Powers of ten by which two strangers are more often alike when their faces have no quality; in
between it goes with the product of what both lack. Of degraded pictures of LFW, two of a quality
below 0.1 reach the similarity of FAR 1e-3 in 18 % of all comparisons, two of 0.1 to 0.2 in 5 %, two
of 0.3 to 0.5 in 0.5 %, and one below 0.1 beside one above 0.5 in 0.3 % (`bench/poor_faces.py`)."""


class Looks(NamedTuple):
    """How a track looks.

    Attributes:
        id: its number.
        name: that it has; empty: it has none.
        template: unit length, (d,).
        weight: how much it rests on, above 0.
        quality: of what it rests on, in [0, 1].
        apart: numbers of tracks that are other people.
    """

    id: int
    name: str
    template: Vector
    weight: float
    quality: float
    apart: Collection[int]


class Who(NamedTuple):
    """Whom a track shows: a stranger's number, from 1 on; or a name, and 0."""

    number: int
    name: str


@dataclass(slots=True, eq=False)
class _Person:
    who: Who
    mean: NDArray[Any] = field(default_factory=lambda: np.zeros(1))
    weight: float = 0.0
    doubt: float = 0.0
    tracks: set[int] = field(default_factory=set)
    apart: set[int] = field(default_factory=set)

    def join(self, track: Looks, doubt: float) -> None:
        total = self.weight + track.weight
        self.doubt = (self.doubt * self.weight + doubt * track.weight) / total
        self.mean = (self.mean * self.weight + track.template * track.weight) / total
        self.weight = total
        self.tracks.add(track.id)
        self.apart |= set(track.apart)


class Strangers:
    """Who is on a video without a name: tracks of one stranger get one number.

    An unknown track may also be of somebody whose other tracks have a name. Poor faces resemble
    each other, whosever they are; so the poorer two tracks are, the more alike they must be.

    Tracks are given all at once or some at a time; the more at once, the better they are sorted: a
    number that was given is not changed. It is agglomerative clustering (`clustered`) with the
    threshold of a search among so many people; tracks that were seen at the same time are kept
    apart, and so are people with different names.

    Args:
        judge: has the thresholds.
        most: people that are remembered; who was seen last longest ago is forgotten first.
        similarity: from which on two tracks are one person; None: as the judge says for an FPIR of
            1 %.

    Raises:
        ModelError: the model has no thresholds, and no similarity is given.
    """

    def __init__(self, judge: Judge, most: int, similarity: float | None = None) -> None:
        self._judge = judge
        self._most = most
        self._given = similarity
        self._people: list[_Person] = []
        self._next = 1
        self._decade = judge.decade
        self._threshold(1)

    def assign(self, tracks: Sequence[Looks]) -> dict[int, Who]:
        """Whom each track shows; numbers are given in the order of the tracks.

        A track that was given before keeps its person.
        """
        homes = {track: person for person in self._people for track in person.tracks}
        named = {person.who.name: person for person in self._people if person.who.name}
        fresh = []
        for track in tracks:
            if track.id in homes:
                homes[track.id].apart |= set(track.apart)
            elif track.name:
                if track.name not in named:
                    named[track.name] = _Person(Who(0, track.name))
                    self._people.append(named[track.name])
                named[track.name].join(track, self._doubt(track))
                homes[track.id] = named[track.name]
            else:
                fresh.append(track)
        if fresh:
            homes |= self._sort(fresh)
        latest = {id(homes[track.id]) for track in tracks}
        self._people.sort(key=lambda person: id(person) in latest)
        del self._people[: -self._most or len(self._people)]
        return {track.id: homes[track.id].who for track in tracks}

    def _sort(self, fresh: Sequence[Looks]) -> dict[int, _Person]:
        """Find or make the people of tracks that were not given before."""
        known = len(self._people)
        places = {track: i for i, person in enumerate(self._people) for track in person.tracks}
        places |= {track.id: i for i, track in enumerate(fresh, known)}
        everyone: list[_Person | Looks] = [*self._people, *fresh]
        apart = [{places[i] for i in some.apart if i in places} for some in everyone]
        for foes in apart[:known]:  # people who were told apart stay so
            foes.update(range(known))
        doubts = [self._doubt(track) for track in fresh]
        owners = clustered(
            np.stack([*(person.mean for person in self._people), *(t.template for t in fresh)]),
            [some.weight for some in everyone],
            apart,
            self._threshold(known + len(fresh)),
            [*(person.doubt for person in self._people), *doubts],
        )
        found = dict(enumerate(self._people))
        homes = {}
        for track, doubt, owner in zip(fresh, doubts, owners[known:], strict=True):
            if owner not in found:
                found[owner] = _Person(Who(self._next, ""))
                self._people.append(found[owner])
                self._next += 1
            found[owner].join(track, doubt)
            homes[track.id] = found[owner]
        return homes

    def forget(self, tracks: Collection[int]) -> None:
        """These tracks will not be given again; their people are still remembered."""
        for person in self._people:
            person.tracks.difference_update(tracks)
            person.apart.difference_update(tracks)

    def _doubt(self, track: Looks) -> float:
        lack = max(1 - track.quality / _GOOD, 0.0)
        return math.sqrt(self._decade * _DECADES) * lack

    def _threshold(self, people: int) -> float:
        if self._given is not None:
            return self._given
        return self._judge.strangers(people)
