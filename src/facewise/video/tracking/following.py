"""Follow faces and look back: frames are given when the look after them has been."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from facewise.video.tracking.judge import Judge
from facewise.video.tracking.observations import Held, finished
from facewise.video.tracking.scene import Scene
from facewise.video.tracking.telling import tell_first

if TYPE_CHECKING:
    from facewise.detection import Detector
    from facewise.video.frames import VideoFrame
    from facewise.video.tracking.records import TrackedFrame
    from facewise.video.tracking.schedules import Schedule


class Following:
    """The engine of a schedule that carries, for videos that can wait.

    Args:
        detector: finds faces.
        schedule: on which frames.
        judge: says whose they are.
    """

    def __init__(self, detector: Detector, schedule: Schedule, judge: Judge) -> None:
        self._detector = detector
        self._schedule = schedule
        self._judge = judge
        self._scene = Scene()
        self._held: deque[Held] = deque()

    def add(self, frame: VideoFrame) -> list[TrackedFrame]:
        """See `Tracker.add`."""
        done: list[TrackedFrame] = []
        if not self._scene.goes_on(frame):
            done = self.finish()
            self._scene.goes_on(frame)
        self._scene.add(frame)
        if self._schedule.looks(self._scene.signs()):
            done += self._look()
        return done

    def finish(self) -> list[TrackedFrame]:
        """See `Tracker.finish`. The last frame ends a scene: it is looked at, if it was not."""
        scene, done = self._scene, []
        if len(scene.segment) > 1:
            done = self._look(over=True)
        if len(scene.segment):
            if scene.length == 1:
                self._judge.believe(scene)
            tell_first(scene.segment, scene.tracks)
            self._held += scene.segment.give(1)
        self._judge.end(scene)
        self._scene = Scene()
        return done + self._decided()

    def _look(self, *, over: bool = False) -> list[TrackedFrame]:
        """Look at the last frame; those before it are finished then, but for undecided numbers."""
        scene = self._scene
        self._judge.judge(scene, scene.look(self._detector, self._schedule, over=over)())
        self._held += scene.restart()
        self._judge.decide(scene, hurry=len(self._held) > self._schedule.longest)
        return self._decided()

    def _decided(self) -> list[TrackedFrame]:
        done = []
        while self._held and self._held[0].decided:
            done.append(finished(*self._held.popleft()))
        return done
