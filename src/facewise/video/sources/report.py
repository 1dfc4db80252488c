"""What went wrong while a source was read, as far as it could be read."""

from __future__ import annotations

from dataclasses import dataclass, field

_KEPT = 20
"""Damages and losses that are described; further ones are only counted."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that could not be read.

    Attributes:
        time: seconds: of the last frame before it.
        frame: index of the frame that came after it.
        message: what was wrong, in FFmpeg's or Pillow's words.
    """

    time: float
    frame: int
    message: str


@dataclass(slots=True)
class SourceReport:
    """How reading went; it grows while frames are read, and is complete after the last one.

    Attributes:
        frames: given so far.
        damages: how many parts could not be decoded and were left out.
        losses: how often a live source was lost and had to be opened anew.
        first: the first of either, at most 20.
        doubtful: frames that were given though the decoder had to guess some of their pixels.
        missing: frames that seem to be missing between frames that otherwise come evenly.
        skipped: frames of a live source that were not given, because newer ones had come.
        broken: why reading ended before the end that the source declares; None if it did not.
        notes: what else a reader should know, as that there was no hardware decoder.
    """

    frames: int = 0
    damages: int = 0
    losses: int = 0
    first: list[Damage] = field(default_factory=list)
    doubtful: int = 0
    missing: int = 0
    skipped: int = 0
    broken: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Nothing was left out, guessed or missing so far."""
        return not (self.damages or self.losses or self.doubtful or self.missing or self.broken)

    def add(self, time: float | None, message: str) -> None:
        """Note that something could not be read after the frame of this time (None: at first)."""
        self.damages += 1
        self._describe(time, message)

    def add_loss(self, time: float, message: str) -> None:
        """Note that a live source was lost after the frame of this time."""
        self.losses += 1
        self._describe(time, message)

    def note(self, text: str) -> None:
        """Add a note, once."""
        if text not in self.notes:
            self.notes.append(text)

    def __add__(self, later: SourceReport) -> SourceReport:
        """This report, gone on with a later one."""
        return SourceReport(
            self.frames + later.frames,
            self.damages + later.damages,
            self.losses + later.losses,
            (self.first + later.first)[:_KEPT],
            self.doubtful + later.doubtful,
            self.missing + later.missing,
            self.skipped + later.skipped,
            later.broken or self.broken,
            list(dict.fromkeys(self.notes + later.notes)),
        )

    def __str__(self) -> str:
        """A phrase for each finding, after the number of frames."""
        parts = [_many(self.frames, "frame")]
        if self.damages:
            parts.append(f"{_many(self.damages, 'damaged part')} left out")
        if self.losses:
            parts.append(f"lost and found again {_many(self.losses, 'time')}")
        if self.first:
            first = self.first[0]
            parts.append(f"first after {first.time:.2f} s: {first.message}")
        if self.doubtful:
            parts.append(f"{_many(self.doubtful, 'frame')} with guessed pixels")
        if self.missing:
            parts.append(f"{_many(self.missing, 'frame')} missing, by the times of the others")
        if self.skipped:
            parts.append(f"{_many(self.skipped, 'frame')} passed over, to keep up")
        if self.broken:
            parts.append(self.broken)
        if self.clean:
            parts.append("nothing wrong")
        return "; ".join(parts + self.notes)

    def _describe(self, time: float | None, message: str) -> None:
        if len(self.first) < _KEPT:
            self.first.append(Damage(time or 0.0, self.frames, message))


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
