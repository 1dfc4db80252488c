"""Which name a track has.

A track has no name until it is like enough to somebody. Once it has one, that name changes at most
once: to that of another person, or to none. And two tracks that are on one frame never have the
same name: the more similar one has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from facewise.recognition import UNKNOWN

if TYPE_CHECKING:
    from facewise.video.naming.limits import Limits
    from facewise.video.naming.subject import Subject

_LITTLE = 1.0
"""Evidence (`Evidence.weight`) below which a track must be very like somebody …"""

_MUCH = 2.0
"""… and from which on a name that does not fit is taken back."""


def wish(subject: Subject, limits: Limits, *, last: bool) -> str:
    """The name that goes with what is known of a track, whoever else is there.

    Args:
        subject: the track.
        limits: of the similarities.
        last: no more is expected to be known.
    """
    if subject.fixed or not subject.ranking:
        return subject.name
    best, weight = subject.ranking[0], subject.evidence.weight
    if subject.name == UNKNOWN:
        limit = limits.enough if last or weight >= _LITTLE else limits.sure
        return best.name if best.similarity >= limit else UNKNOWN
    if weight < _MUCH:
        return subject.name
    own = subject.likeness(subject.name)
    another = best.name != subject.name and best.similarity >= limits.sure
    if another and (own is None or own < limits.enough):
        return best.name
    return UNKNOWN if own is None or own < limits.kept else subject.name


def decide(
    asked: Iterable[Subject], subjects: Mapping[int, Subject], limits: Limits, *, last: bool = False
) -> None:
    """Give tracks their names.

    Args:
        asked: tracks of which more is known than before.
        subjects: all that are remembered, by number.
        limits: of the similarities.
        last: no more is expected to be known of those asked.
    """
    for subject in sorted(asked, key=_strength, reverse=True):
        name = wish(subject, limits, last=last)
        if name != subject.name and not claim(subject, name, subjects):
            # What it would be is somebody else's; what it is may not fit any more.
            own = subject.likeness(subject.name)
            if subject.name != UNKNOWN and (own is None or own < limits.kept):
                _change(subject, UNKNOWN)


def part(one: Subject, other: Subject) -> None:
    """Two tracks are on one frame: if both have one name, the less similar one loses it."""
    if one.name == other.name != UNKNOWN:
        weaker = min(one, other, key=lambda subject: (subject.fixed, _strength(subject)))
        _change(weaker, UNKNOWN)


def claim(subject: Subject, name: str, subjects: Mapping[int, Subject]) -> bool:
    """Give a track another name, if nobody who is there with it has a better right to it."""
    if subject.fixed:
        return False
    if name != UNKNOWN:
        rivals = [subjects[i] for i in subject.met if i in subjects and subjects[i].name == name]
        likeness = subject.likeness(name) or -1.0
        if any(rival.fixed or _strength(rival) >= likeness for rival in rivals):
            return False
        # Of those who cannot lose it any more there is one at most: they might meet.
        if subject.name != UNKNOWN and any(s.fixed and s.name == name for s in subjects.values()):
            return False
        for rival in rivals:
            _change(rival, UNKNOWN)
    _change(subject, name)
    return True


def _change(subject: Subject, name: str) -> None:
    subject.fixed = subject.name != UNKNOWN
    subject.name = name


def _strength(subject: Subject) -> float:
    similarity = subject.similarity
    return -1.0 if similarity is None else similarity
