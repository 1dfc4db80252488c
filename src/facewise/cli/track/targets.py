"""Where the results of each video go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from facewise.cli.track.options import TrackOptions
    from facewise.cli.track.videos import VideoInput

_NAME = "{name}"


@dataclass(frozen=True, slots=True)
class Targets:
    """The results of one video; None where one is not wanted."""

    out: Path | None
    parquet: Path | None
    timeline: Path | None
    contact_sheet: Path | None
    subtitles: Path | None
    chips: Path | None

    @property
    def by_option(self) -> dict[str, Path]:
        """Those that are wanted, by the option that names them."""
        named = {_option(field.name): getattr(self, field.name) for field in fields(self)}
        return {option: path for option, path in named.items() if path is not None}

    @property
    def files(self) -> list[Path]:
        """Those that are files."""
        return [path for path in self.by_option.values() if path != self.chips]


def targets_of(videos: Sequence[VideoInput], options: TrackOptions) -> list[Targets]:
    """The results of each video: in their names, `{name}` is that of the video, without suffix.

    Raises:
        BadParameter: several videos would have one name for their results.
    """
    if len(videos) > 1:
        for field in fields(Targets):
            path = getattr(options, field.name)
            if path is not None and _NAME not in str(path):
                raise typer.BadParameter(
                    f"{_option(field.name)} {path}: for several videos write {_NAME} where "
                    f"their names go, as {path.with_name(f'{_NAME}{path.suffix}')}"
                )
    return [
        Targets(**{f.name: _place(getattr(options, f.name), video.stem) for f in fields(Targets)})
        for video in videos
    ]


def check(targets: Iterable[Targets]) -> None:
    """Find out now, and not after hours, that results cannot be written.

    Raises:
        BadParameter: a name says no form that can be written.
        VideoError: a video cannot be written, or the folder for chips is not empty.
        ExtraMissingError: pyarrow is not installed.
    """
    from facewise.cli.loading import wrong_usage
    from facewise.video.extra import needed
    from facewise.video.results.canvas import picture_format
    from facewise.video.results.chips import require_empty
    from facewise.video.results.subtitles import subtitle_form
    from facewise.video.writing import VideoWriter

    for one in targets:
        with wrong_usage():
            for picture in filter(None, [one.timeline, one.contact_sheet]):
                picture_format(picture)
            if one.subtitles is not None:
                subtitle_form(one.subtitles)
        if one.out is not None:
            VideoWriter(one.out).abort()
        if one.chips is not None:
            require_empty(one.chips)
        if one.parquet is not None:
            needed("pyarrow.parquet", "writing Parquet")


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"


def _place(path: Path | None, name: str) -> Path | None:
    return None if path is None else Path(str(path).replace(_NAME, name))
