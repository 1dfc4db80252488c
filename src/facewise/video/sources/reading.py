"""How a source is to be read, and the contract of what reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from facewise.video.sources.address import Address
from facewise.video.sources.facts import VideoFacts
from facewise.video.sources.report import SourceReport

if TYPE_CHECKING:
    from facewise.video.frames import VideoFrame


@dataclass(frozen=True, slots=True)
class Reading:
    """What `open_source` was told; its arguments are described there."""

    address: Address
    start: float | None = None
    stop: float | None = None
    rate: float | None = None
    size: tuple[int, int] | None = None
    threads: int | None = None
    hardware: str | None = None
    timeout: float = 10.0
    options: Mapping[str, str] = field(default_factory=dict)
    ahead: int = 8
    loop: bool = False
    real_time: bool = False
    reconnect: float | None = None


class Reader(Protocol):
    """Reads one source once, from beginning to end, in one thread."""

    @property
    def facts(self) -> VideoFacts:
        """What the source says of itself."""

    @property
    def report(self) -> SourceReport:
        """What went wrong so far."""

    def frames(self, stopped: Callable[[], bool]) -> Iterator[VideoFrame]:
        """The frames in order; no more of them soon after `stopped` says true.

        Raises:
            VideoError: nothing can be read.
        """

    def close(self) -> None:
        """Let go of files and devices; may be called more than once, but not during `frames`."""
