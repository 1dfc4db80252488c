"""Tracks that are going on, that have ended, and that are remembered after that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from facewise.video.naming.subject import Subject


class Memory:
    """Every track that may still matter, in one of three states.

    A track is going on until it is ended; then it waits to be handed out; then it is remembered,
    for as long as no more than `remembered` others were handed out after it. Whenever it is seen it
    goes on again, after a hand-out as a new one with the old name and looks.

    Args:
        remembered: tracks at most that are remembered after they were handed out.
    """

    def __init__(self, remembered: int) -> None:
        self._most = remembered
        self._all: dict[int, Subject] = {}
        self._going: dict[int, Subject] = {}
        self._waiting: dict[int, Subject] = {}
        self._handed: dict[int, Subject] = {}

    @property
    def subjects(self) -> Mapping[int, Subject]:
        """All of them, by number."""
        return self._all

    @property
    def going(self) -> list[Subject]:
        """Those that are going on."""
        return list(self._going.values())

    @property
    def waiting(self) -> list[Subject]:
        """Those that have ended and were not handed out, first those that ended first."""
        return list(self._waiting.values())

    @property
    def held(self) -> int:
        """How many are waiting."""
        return len(self._waiting)

    def seen(self, track: int) -> Subject:
        """The subject of a track that is on a frame."""
        subject = self._going.get(track)
        if subject is not None:
            return subject
        subject = self._waiting.pop(track, None)
        if subject is None:
            subject = self._handed.pop(track, None)
            if subject is None:
                subject = self._all[track] = Subject(track)
            else:
                subject.restart()
        self._going[track] = subject
        return subject

    def end(self, subjects: Iterable[Subject]) -> None:
        """These have ended."""
        for subject in subjects:
            self._waiting[subject.id] = self._going.pop(subject.id)

    def hand_out(self, subjects: Iterable[Subject]) -> Sequence[int]:
        """These were handed out. Returns the numbers of those that are forgotten for it."""
        for subject in subjects:
            self._handed[subject.id] = self._waiting.pop(subject.id)
        surplus = len(self._handed) - self._most
        forgotten = [track for track, _ in zip(self._handed, range(surplus), strict=False)]
        for track in forgotten:
            del self._handed[track]
            for other in self._all.pop(track).met:
                if other in self._all:
                    self._all[other].met.pop(track, None)
        return forgotten
