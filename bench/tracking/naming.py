"""Whether tracks have the names of those they show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bench.tracking.figures import LEAST_OVERLAP, compared
from bench.tracking.tracked import Tracked
from bench.tracking.truth import Truth
from facewise.recognition import UNKNOWN


@dataclass(frozen=True)
class TrackName:
    """A track and its name.

    Attributes:
        track: its id.
        person: whom it shows most of the time; None: nobody, it is on no face.
        truth: what it is to be called; None: not by the name of anybody enrolled.
        given: its last name; None: not the name of anybody enrolled.
        label: its last name, as it is: also "unknown", or "person 3".
        changes: times that its name changed, from one enrolled person's or none to another.
    """

    track: int
    person: int | None
    truth: str | None
    given: str | None
    label: str
    changes: int

    @property
    def right(self) -> bool:
        """Whether it is called what it is to be called."""
        return self.truth == self.given


@dataclass(frozen=True)
class Naming:
    """The names of a video's tracks.

    Attributes:
        tracks: by rising id.
        faces: how many faces, over all frames, were on a track, and on how many of them the last
            name of the track is right: a track that goes over from one person to another is right
            in part.
    """

    tracks: Sequence[TrackName]
    faces: tuple[int, int]

    @property
    def wrong(self) -> list[TrackName]:
        """Named after another person, or a stranger (or nobody at all) after somebody."""
        return [one for one in self.tracks if not one.right and one.given is not None]

    @property
    def nameless(self) -> list[TrackName]:
        """Of enrolled people, without their name."""
        return [one for one in self.tracks if not one.right and one.given is None]

    @property
    def mixed(self) -> list[str]:
        """Labels that tracks of several strangers have, `unknown` left aside."""
        return _several({(one.label, one.person) for one in self._strangers})

    @property
    def split(self) -> list[int]:
        """Strangers whose tracks have several labels."""
        return _several({(one.person, one.label) for one in self._strangers})

    @property
    def _strangers(self) -> list[TrackName]:
        nameless = [one for one in self.tracks if one.truth is None and one.given is None]
        return [one for one in nameless if one.person is not None and one.label != UNKNOWN]

    @property
    def most_changes(self) -> int:
        """Of one track."""
        return max((one.changes for one in self.tracks), default=0)


def _several(pairs: set[tuple[Any, Any]]) -> list[Any]:
    """What is first in more than one pair."""
    counts = Counter(first for first, _ in pairs)
    return sorted(first for first, count in counts.items() if count > 1)


def judge_names(
    truth: Truth,
    tracked: Sequence[Tracked],
    enrolled: Sequence[str] = (),
    final: Mapping[int, str] | None = None,
) -> Naming:
    """Compare the names of tracks with the truth.

    Args:
        truth: of the video.
        tracked: with `names`; whatever is not the name of an enrolled person ("unknown",
            "person 3") says that the track is a stranger's.
        enrolled: names that a gallery knows, beside those of the truth.
        final: names that were given to tracks after the last frame.
    """
    known = {who.name for who in truth.people.values() if who.enrolled} | set(enrolled)
    shown: dict[int, Counter[int]] = {}
    called: dict[int, list[str]] = {}
    for faces, frame in zip(compared(truth, tracked), tracked, strict=True):
        for track, name in zip(frame.ids.tolist(), frame.names, strict=True):
            called.setdefault(track, []).append(name)
        for row, person in enumerate(faces.people.tolist()):
            for column in (faces.overlap[row] >= LEAST_OVERLAP).nonzero()[0]:
                shown.setdefault(int(faces.tracks[column]), Counter())[person] += 1
    tracks, found, good = [], 0, 0
    for track, labels in sorted(called.items()):
        labels.append((final or {}).get(track, labels[-1]))
        names = [label if label in known else None for label in labels]
        person = shown[track].most_common(1)[0][0] if track in shown else None
        right = None if person is None else _called(truth, person)
        for other, times in shown.get(track, Counter()).items():
            found += times
            good += times * (_called(truth, other) == names[-1])
        changes = sum(a != b for a, b in pairwise(names))
        tracks.append(TrackName(track, person, right, names[-1], labels[-1], changes))
    return Naming(tracks, (found, good))


def _called(truth: Truth, person: int) -> str | None:
    """What a person is to be called; None: not by the name of anybody enrolled."""
    who = truth.people[person]
    return who.name if who.enrolled else None
