"""What was found in videos, for people to read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from facewise.cli.files import shown

if TYPE_CHECKING:
    from facewise.cli.track.videos import VideoInput
    from facewise.video.results import TrackedVideo


def say(item: VideoInput, video: TrackedVideo, written: Iterable[Path]) -> None:
    """Who was found, and what was written."""
    from facewise.cli.gallery.tables import table
    from facewise.video.results import presences
    from facewise.video.results.canvas import clock

    people = presences(video.tracks, named=video.named)
    first, last = video.times or (0.0, 0.0)
    length = last - first + 1 / video.source.rate
    typer.echo(
        f"{shown(item.name)}: {video.frames:,} frames, {length:.1f} s, tracks: "
        f"{len(video.tracks):,}, people: {len(people):,}"
    )
    if people:
        rows = []
        for one in people:
            spans = one.spans
            alike = one.known and one.similarity is not None
            rows.append(
                (
                    f"  {one.label}",
                    f"{clock(spans[0].first_time)} – {clock(spans[-1].last_time)}",
                    f"{one.seconds:.1f} s",
                    len(one.tracks),
                    f"{one.similarity:.3f}" if alike else "",
                    f"{one.confidence:.2f}" if one.known else "",
                )
            )
        table(("  who", "when", "seen", "tracks", "similarity", "confidence"), rows)
    for path in written:
        typer.echo(f"  {path}")


def end(failures: Sequence[tuple[str, str]], number: int) -> None:
    """List the videos that failed, if any did, and end with exit status 1."""
    if failures:
        typer.echo(f"failed: {len(failures)} of {number}", err=True)
        for name, text in failures:
            line = text if text.startswith(name) else f"{name}: {text}"
            typer.echo(f"  {shown(line)}", err=True)
        raise typer.Exit(1)
