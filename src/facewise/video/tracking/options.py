"""What decides how tracks begin, go on and end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrackingOptions:
    """Settings of a `Tracker`.

    Attributes:
        confirm: a face becomes a track when the detector has found it twice, so that what it takes
            for a face on a single frame makes none (a scene of one frame aside). False: once is
            enough, for when a face that is missed costs more than a false one.
        occlusion: seconds for which a face that cannot be seen is expected where its motion leads.
        remembered: people who have left that are remembered, at most, to be known again when they
            come back. Needs an embedder.
        similarity: cosine from which on somebody may be the one who has left; None: by the
            embedder's thresholds, for a search among so many.
    """

    confirm: bool = True
    occlusion: float = 1.0
    remembered: int = 1000
    similarity: float | None = None

    def __post_init__(self) -> None:
        if not self.occlusion >= 0:
            raise ValueError(f"occlusion: expected at least 0 seconds, got {self.occlusion}")
        if self.remembered < 0:
            raise ValueError(f"remembered: expected at least 0 people, got {self.remembered}")
        if self.similarity is not None and not -1 <= self.similarity <= 1:
            raise ValueError(f"similarity: expected a cosine in [-1, 1], got {self.similarity}")
