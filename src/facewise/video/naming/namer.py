"""`Namer`: tracked frames in, tracked frames with names out; and the tracks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from facewise.recognition import UNKNOWN
from facewise.video.naming.chips import embed_waiting, offer_faces
from facewise.video.naming.columns import named
from facewise.video.naming.comparing import Comparison
from facewise.video.naming.deciding import claim, decide
from facewise.video.naming.known import Nobody
from facewise.video.naming.meeting import meet
from facewise.video.naming.memory import Memory
from facewise.video.naming.strangers import Strangers

if TYPE_CHECKING:
    from facewise.embedding import Embedder
    from facewise.video.naming.known import Known
    from facewise.video.naming.limits import Judge, Limits
    from facewise.video.naming.records import Track
    from facewise.video.naming.subject import Subject
    from facewise.video.tracking import TrackedFrame

_GONE = 2.0
"""Seconds after which a track that is not seen is taken for ended, until it comes back."""


class Namer:
    """Gives names to tracks, from a few of their faces.

    The best faces of a track are embedded at growing intervals (`Evidence`), those of all tracks
    together; their mean is compared with the people (`Known`), and the name decided (`decide`).
    When no more is to come, tracks without a name are sorted into people (`Strangers`).

    Args:
        embedder: makes the vectors; None: there are none, and nobody has a name or a number.
        judge: has the limits, for this embedder; there is one where there is an embedder.
        known: who may be on the video.
        carried: take faces too that the detector did not see on their frame: for a tracker whose
            detector looks aside.
        keep: ended tracks, at most, that wait to be handed out (`ended`, `tracks`); older ones are
            lost. It bounds the memory of a stream of which nobody takes them.
        remembered: tracks, and strangers, at most, that are known when they come back after they
            have been handed out.
        similarity: from which on two unknown tracks are one person; see `Strangers`.

    Attributes:
        lost: ended tracks that nobody took in time.
    """

    def __init__(
        self,
        embedder: Embedder | None = None,
        judge: Judge | None = None,
        known: Known | None = None,
        *,
        carried: bool = False,
        keep: int = 10_000,
        remembered: int = 1000,
        similarity: float | None = None,
    ) -> None:
        self._embedder = embedder
        self._carried = carried
        self._keep = keep
        self._strangers = None if judge is None else Strangers(judge, remembered, similarity)
        self._memory = Memory(remembered)
        self._comparison = Comparison(Nobody() if known is None else known, judge)
        self.lost = 0

    def add(self, frames: Sequence[TrackedFrame]) -> list[TrackedFrame]:
        """Give names to the faces of the next frames.

        Returns:
            The frames, their faces with three more columns: `name`, of a known person or
            `UNKNOWN`; `similarity`, float32, as of `Track`, -1 where that is None; `confidence`,
            float32, in [0, 1]. All say what is known after the last of the frames.

        Raises:
            FacesError: the embedder needs landmarks and the detector gives none.
            Whatever the embedder, or a gallery, raises.
        """
        if not frames:
            return []
        here: dict[int, Subject] = {}
        for tracked in frames:
            here |= self._see(tracked)
        now = frames[-1].time
        self._learn([one for one in here.values() if one.evidence.ready(now)], now)
        self._end([one for one in self._memory.going if now - one.last_time > _GONE], now)
        sure = {id_: one.confidence(self._comparison.limits) for id_, one in here.items()}
        return [named(tracked, here, sure) for tracked in frames]

    def finish(self) -> None:
        """There are no more frames: everything is decided."""
        ending = self._memory.going
        self._end(ending, max((one.last_time for one in ending), default=0.0))
        self._sort(self._memory.waiting)
        self._comparison.note()

    def ended(self) -> list[Track]:
        """The tracks that have ended since this was last asked, in the order in which they began.

        They are forgotten then, but for what is needed to know them if they come back: which makes
        another track of the same number, name and person.
        """
        done = self._memory.waiting
        self._sort(done)
        records = self._records(done)
        self._hand_out(done)
        self._comparison.note()
        return records

    @property
    def tracks(self) -> tuple[Track, ...]:
        """All tracks that were not handed out, as they are now, in the order in which they began.

        Strangers have their numbers after `finish`.
        """
        return tuple(self._records(self._memory.waiting + self._memory.going))

    @property
    def limits(self) -> Limits | None:
        """The similarities that names are decided by; None without a judge."""
        return self._comparison.limits

    def reconsider(self) -> None:
        """The people have changed: compare the tracks that go on, as if none had had a name."""
        some = self._memory.going
        for one in some:
            one.name, one.fixed, one.ranking = UNKNOWN, False, ()
        self._comparison.compare(some)
        if self._comparison.limits is not None:
            decide(some, self._memory.subjects, self._comparison.limits)

    def _see(self, tracked: TrackedFrame) -> dict[int, Subject]:
        """Take in one frame; the subjects that are on it."""
        ids, seen = tracked.faces.data["track"].tolist(), tracked.faces.data["detected"].tolist()
        here = {}
        for id_, detected in zip(ids, seen, strict=True):
            here[id_] = self._memory.seen(id_)
            here[id_].see(tracked.index, tracked.time, detected)
        meet(tracked.faces, here)
        if self._embedder is not None:
            policy = self._embedder.spec.crop
            assert policy is not None  # noqa: S101 - the registry refuses such
            evidence = {id_: one.evidence for id_, one in here.items()}
            offer_faces(tracked, evidence, policy, carried=self._carried)
        return here

    def _learn(self, some: Sequence[Subject], now: float, *, last: bool = False) -> None:
        """Embed what waits of some tracks, compare them, and decide."""
        waiting = [one for one in some if one.evidence.waiting is not None]
        if waiting and self._embedder is not None:
            embed_waiting(self._embedder, [one.evidence for one in waiting], now)
            self._comparison.compare(waiting)
        if some and self._comparison.limits is not None:
            decide(some, self._memory.subjects, self._comparison.limits, last=last)

    def _end(self, some: Sequence[Subject], now: float) -> None:
        """These are not seen any more."""
        if not some:
            return
        self._learn(some, now, last=True)
        self._memory.end(some)
        self._comparison.count(some)
        surplus = self._memory.held - self._keep
        if surplus > 0:
            self.lost += surplus
            self._hand_out(self._memory.waiting[:surplus])

    def _hand_out(self, some: Sequence[Subject]) -> None:
        forgotten = self._memory.hand_out(some)
        if self._strangers is not None:
            self._strangers.forget(forgotten)

    def _sort(self, some: Sequence[Subject]) -> None:
        """Give strangers their numbers, and names to whom the video itself shows to have one."""
        if self._strangers is None:
            return
        looks = [one.looks() for one in sorted(some, key=_beginning)]
        people = self._strangers.assign([one for one in looks if one is not None])
        for one in some:
            who = people.get(one.id)
            one.person = 0 if who is None else who.number
            if who is not None and who.name and one.name == UNKNOWN:
                claim(one, who.name, self._memory.subjects)

    def _records(self, some: Sequence[Subject]) -> list[Track]:
        ordered = sorted(some, key=_beginning)
        return [one.record(self._comparison.limits) for one in ordered]


def _beginning(one: Subject) -> tuple[int, int]:
    return one.spans[0].first_frame, one.id
