"""Follow faces and never wait: every frame is given at once."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from facewise.runtime.threads import become_worker
from facewise.video.tracking.observations import apart, finished
from facewise.video.tracking.rechecking import recheck
from facewise.video.tracking.scene import Scene
from facewise.video.tracking.telling import now

if TYPE_CHECKING:
    from facewise.detection import Detector
    from facewise.video.frames import VideoFrame
    from facewise.video.tracking.judge import Judge
    from facewise.video.tracking.records import TrackedFrame
    from facewise.video.tracking.schedules import Schedule
    from facewise.video.tracking.tracks import Anchor


class Live:
    """The engine of a schedule that carries, for cameras.

    Args:
        detector: finds faces.
        schedule: on which frames.
        judge: says whose they are.
        aside: the detector looks in a thread of its own while the faces are followed on. What it
            finds counts for the frame that it was shown, and is followed from there to the frame
            that is due. Otherwise a frame that is looked at takes as long as the detector does.
    """

    def __init__(
        self, detector: Detector, schedule: Schedule, judge: Judge, *, aside: bool
    ) -> None:
        self._detector = detector
        self._schedule = schedule
        self._judge = judge
        self._scene = Scene()
        self._worker = ThreadPoolExecutor(1, "facewise-look", become_worker) if aside else None
        self._looking: Future[list[Anchor]] | None = None
        self._looked_at = self._scene
        self._since: list[VideoFrame] = []

    def add(self, frame: VideoFrame) -> list[TrackedFrame]:
        """Give the frame back, with what is known of it by now."""
        if not self._scene.goes_on(frame):
            self.finish()
            self._scene.goes_on(frame)
        self._scene.add(frame)
        if self._looking is not None:
            self._since.append(frame)
            if self._looking.done():
                self._take(self._looking)
        elif self._schedule.looks(self._scene.signs()):
            self._look()
        recheck(self._scene, self._detector)
        faces = [(track.trust[-1], now(track, -1)) for track in self._scene.tracks]
        shown = apart([(trust, face) for trust, face in faces if face is not None])
        return [finished(frame, shown)]

    def wait(self) -> None:
        """Until the detector has done what it is doing, if it does anything."""
        if self._looking is not None:
            self._looking.exception()

    def finish(self) -> list[TrackedFrame]:
        """Nothing is left."""
        if self._looking is not None:  # too late: its scene is over
            self._looking.cancel()
            self._looking, self._since = None, []
        self._judge.end(self._scene)
        self._scene = Scene()
        return []

    def _look(self) -> None:
        scene = self._scene
        look = scene.look(self._detector, self._schedule)
        if self._worker is None:
            self._judge.judge(scene, look())
            self._judge.decide(scene)
            scene.restart()
        else:
            self._looking = self._worker.submit(look)
            self._looked_at = scene.copy()

    def _take(self, looking: Future[list[Anchor]]) -> None:
        """Judge what was found some frames ago, and follow it to the last one."""
        scene, frames = self._looked_at, self._since
        self._looking, self._since = None, []
        self._judge.judge(scene, looking.result())
        self._judge.decide(scene)
        scene.restart()
        for frame in frames:
            scene.goes_on(frame)
            scene.add(frame)
        self._scene = scene
