"""When the detector looks: on every nth frame, or when there is reason to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

_LEGIBLE = 24.0
"""Pixels of a face's side in a coarse picture from which on the detector sees it."""

_FEW = 4
"""Faces below that which it is cheaper to look for one by one."""


class Signs(NamedTuple):
    """What is known of a frame before the detector has looked at it.

    Attributes:
        since: frames since the last look; 0 at the first frame of all.
        cut: the scene has changed, or the size of the frames; also true of the first frame.
        faces: tracks that are being followed.
        weakest: the least confidence, in [0, 1], with which one of them was carried here; 1
            without any.
        change: how much the picture has changed since the last look where no face is followed,
            mean over the picture, in [0, 1].
        fine: frames since the last look at the whole frame in full size.
        sides: of the faces that are followed, in pixels.
    """

    since: int
    cut: bool
    faces: int
    weakest: float
    change: float
    fine: int = 0
    sides: tuple[float, ...] = ()


class Schedule(Protocol):
    """Decides on which frames the detector looks.

    Attributes:
        resize: what the frames are multiplied by before the detector sees them, in (0, 1]; at most,
            see `scale`.
        longest: frames from one look to the next, at most.
        carries: faces are followed between looks; otherwise they stay as they were found.
    """

    @property
    def resize(self) -> float:
        """See the class."""
        ...

    @property
    def longest(self) -> int:
        """See the class."""
        ...

    @property
    def carries(self) -> bool:
        """See the class."""
        ...

    def looks(self, signs: Signs) -> bool:
        """Whether the detector is to look at a frame."""
        ...

    def scale(self, signs: Signs) -> float:
        """What a frame that is looked at is multiplied by: `resize` for all faces, or less.

        With less, faces that are followed and too small for it are looked for at their places.
        """
        ...


@dataclass(frozen=True, slots=True)
class EveryNth:
    """Every nth frame, as facenet-pytorch's FastMTCNN does.

    Attributes:
        n: the stride: frames 0, n, 2n, … are looked at.
        resize: of the frames for the detector; boxes and landmarks are given for the full frame.
        carries: by default boxes stay where they were until the next look, as FastMTCNN's do. True:
            they follow the faces.
    """

    n: int = 4
    resize: float = 1.0
    carries: bool = False

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n: expected at least 1 frame, got {self.n}")
        _check_factor("resize", self.resize)

    @property
    def longest(self) -> int:
        """Frames from one look to the next."""
        return self.n

    def looks(self, signs: Signs) -> bool:
        """On every nth frame; a cut counts only where faces are followed."""
        return signs.since % self.n == 0 or (self.carries and signs.cut)

    def scale(self, signs: Signs) -> float:  # noqa: ARG002 - it is the same for all
        """Always `resize`."""
        return self.resize


@dataclass(frozen=True, slots=True)
class Adaptive:
    """When a face is carried weakly, when the picture has changed, and now and then anyway.

    Attributes:
        shortest: frames from one look to the next at least, unless the scene changes.
        longest: frames at most: so long a new face may be unseen by a live tracker. (Otherwise it
            is followed back to where it came from.)
        weak: confidence of a carried face below which it is looked for.
        changed: change of the picture, in [0, 1], from which on it is looked at.
        resize: of the frames for the detector.
        coarse: a further factor, in (0, 1], for looks in between, which cost a part of the others …
        fine: … that come after so many frames at most, and find new faces of all sizes.
    """

    shortest: int = 8
    longest: int = 16
    weak: float = 0.4
    changed: float = 0.08
    resize: float = 1.0
    coarse: float = 0.5
    fine: int = 36

    def __post_init__(self) -> None:
        if not 1 <= self.shortest <= self.longest:
            raise ValueError(
                "shortest and longest: expected at least 1 frame, and shortest <= longest, "
                f"got {self.shortest} and {self.longest}"
            )
        if self.fine < 0:
            raise ValueError(f"fine: expected at least 0 frames, got {self.fine}")
        _check_factor("resize", self.resize)
        _check_factor("coarse", self.coarse)

    @property
    def carries(self) -> bool:
        """Always."""
        return True

    def looks(self, signs: Signs) -> bool:
        """See the class."""
        if signs.cut or signs.since >= self.longest:
            return True
        if signs.since < self.shortest:
            return False
        return signs.weakest < self.weak or signs.change > self.changed

    def scale(self, signs: Signs) -> float:
        """Coarse where hardly a face is too small for it, and all were looked for not long ago."""
        coarse = self.resize * self.coarse
        small = sum(side * coarse < _LEGIBLE for side in signs.sides)
        if signs.cut or signs.fine + self.shortest > self.fine or small > _FEW:
            return self.resize
        return coarse


def _check_factor(name: str, factor: float) -> None:
    if not 0 < factor <= 1:
        raise ValueError(f"{name}: expected a factor in (0, 1], got {factor}")


def usual_schedule(*, live: bool, resize: float = 1.0) -> Adaptive:
    """The schedule of a `Tracker` that is given none.

    Args:
        live: of a live one, which gives new faces only after the look that finds them: it looks
            more often.
        resize: what frames are multiplied by before the detector sees them, in (0, 1].
    """
    return Adaptive(4, 12, resize=resize) if live else Adaptive(resize=resize)
