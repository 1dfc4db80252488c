"""When the detector looks: on every nth frame, or when there is reason to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol


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
    """

    since: int
    cut: bool
    faces: int
    weakest: float
    change: float


class Schedule(Protocol):
    """Decides on which frames the detector looks.

    Attributes:
        resize: what the frames are multiplied by before the detector sees them, in (0, 1].
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
        _check_resize(self.resize)

    @property
    def longest(self) -> int:
        """Frames from one look to the next."""
        return self.n

    def looks(self, signs: Signs) -> bool:
        """On every nth frame; a cut counts only where faces are followed."""
        return signs.since % self.n == 0 or (self.carries and signs.cut)


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
    """

    shortest: int = 4
    longest: int = 12
    weak: float = 0.4
    changed: float = 0.08
    resize: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.shortest <= self.longest:
            raise ValueError(
                "shortest and longest: expected at least 1 frame, and shortest <= longest, "
                f"got {self.shortest} and {self.longest}"
            )
        _check_resize(self.resize)

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


def _check_resize(resize: float) -> None:
    if not 0 < resize <= 1:
        raise ValueError(f"resize: expected a factor in (0, 1], got {resize}")
