"""What `facewise track` can be told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from facewise.cli.gallery.options import KeyFile
from facewise.cli.option_sets import ModelOptions
from facewise.cli.options import Calibrated, Similarity

_RESULTS, _PRIVACY, _READING, _NAMING = "Results", "Privacy", "Reading", "Names"


class How(str, Enum):
    """How faces are covered."""

    blur = "blur"
    pixelate = "pixelate"
    solid = "solid"


class Who(str, Enum):
    """Whose faces are covered."""

    everyone = "everyone"
    unknown = "unknown"
    named = "named"


def seconds(text: str) -> float:
    """A time: seconds, or `1:30`, or `1:02:03.5`.

    Raises:
        BadParameter: it is none.
    """
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or not all(0 <= part < float("inf") for part in parts):
        raise typer.BadParameter(f"{text!r}: expected seconds, as 90 or 1:30")
    total = 0.0
    for part in parts:
        total = total * 60 + part
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackOptions(ModelOptions):
    """Options of `facewise track`."""

    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Write the video with boxes and names, or with faces covered: .mp4, .mov, .mkv, "
            ".webm, .avi, .ts, .gif.",
            rich_help_panel=_RESULTS,
            show_default=False,
        ),
    ] = None
    parquet: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Write the table of faces as Parquet.",
            rich_help_panel=_RESULTS,
        ),
    ] = None
    timeline: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Draw who is there when (.png, .jpg, .webp).",
            rich_help_panel=_RESULTS,
        ),
    ] = None
    contact_sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Show the best face of each person (.png, .jpg, .webp).",
            rich_help_panel=_RESULTS,
        ),
    ] = None
    chips: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Write the best faces of each track there, a folder for each person; DIR must be "
            "new or empty.",
            rich_help_panel=_RESULTS,
        ),
    ] = None
    chips_per_track: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, help="Chips of a track at most.", rich_help_panel=_RESULTS
        ),
    ] = 3
    subtitles: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Write who is to be seen as subtitles (.vtt, .srt), for --out if there is one, or "
            "else for the source: they differ with --start.",
            rich_help_panel=_RESULTS,
        ),
    ] = None
    boxes: Annotated[
        bool | None,
        typer.Option(
            "--boxes/--no-boxes",
            help="Draw boxes and names in --out; with --anonymise only if asked for, and only of "
            "who is not covered.",
            rich_help_panel=_RESULTS,
            show_default=False,
        ),
    ] = None
    ids: Annotated[
        bool,
        typer.Option("--ids", help="Draw the numbers of tracks too.", rich_help_panel=_RESULTS),
    ] = False
    landmarks: Annotated[
        bool, typer.Option("--landmarks", help="Draw landmarks too.", rich_help_panel=_RESULTS)
    ] = False
    audio: Annotated[
        bool,
        typer.Option("--audio/--no-audio", help="Keep the sound.", rich_help_panel=_RESULTS),
    ] = True
    anonymise: Annotated[
        How | None,
        typer.Option(
            help="Cover faces in --out, for good. The detector looks at every frame then.",
            rich_help_panel=_PRIVACY,
            show_default=False,
        ),
    ] = None
    whom: Annotated[
        Who,
        typer.Option(
            help="Whose faces: everyone's, of people without a name, or of people with one.",
            rich_help_panel=_PRIVACY,
        ),
    ] = Who.everyone
    cover: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Only the face of this person, or stranger ('person 3'); repeat it.",
            rich_help_panel=_PRIVACY,
            show_default=False,
        ),
    ] = None
    spare: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="All but the face of this person, or stranger; repeat it.",
            rich_help_panel=_PRIVACY,
            show_default=False,
        ),
    ] = None
    start: Annotated[
        float | None,
        typer.Option(
            metavar="TIME",
            parser=seconds,
            help="Begin here: seconds, or 1:30.",
            rich_help_panel=_READING,
        ),
    ] = None
    stop: Annotated[
        float | None,
        typer.Option(metavar="TIME", parser=seconds, help="Stop here.", rich_help_panel=_READING),
    ] = None
    every: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Look for faces on every Nth frame; by default when there is reason to. In "
            "between they are followed.",
            rich_help_panel=_READING,
            show_default=False,
        ),
    ] = None
    resize: Annotated[
        float,
        typer.Option(
            metavar="FACTOR",
            help="Multiply frames by this, in (0, 1], before faces are looked for.",
            rich_help_panel=_READING,
        ),
    ] = 1.0
    rate: Annotated[
        float | None,
        typer.Option(
            metavar="FPS",
            help="Frames a second of a series of pictures (default: 25).",
            rich_help_panel=_READING,
            show_default=False,
        ),
    ] = None
    hardware: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Decode on a device: auto, cuda, vaapi, videotoolbox, d3d11va, qsv.",
            rich_help_panel=_READING,
            show_default=False,
        ),
    ] = None
    people: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|GALLERY",
            help="Who is known: a folder with a sub-folder of pictures for each person, or a "
            "picture for each; or a gallery. Without it, strangers are numbered.",
            rich_help_panel=_NAMING,
            show_default=False,
        ),
    ] = None
    names: Annotated[
        bool,
        typer.Option(
            "--names/--no-names",
            help="Tell people apart; or follow faces only.",
            rich_help_panel=_NAMING,
        ),
    ] = True
    fpir: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="Of the tracks of strangers, the share that may get a name (default: 0.01).",
            rich_help_panel=_NAMING,
            show_default=False,
        ),
    ] = None
    far: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="Instead: the false-accept rate of one comparison of two pictures.",
            rich_help_panel=_NAMING,
            show_default=False,
        ),
    ] = None
    threshold: Similarity = None
    calibration: Calibrated = None
    key_file: KeyFile = None

    def check(self) -> None:
        """Refuse what does not go together.

        Raises:
            BadParameter: names the options.
        """
        if self.people == "":
            raise typer.BadParameter("--people: the name is empty")
        if self.people is not None and not self.names:
            raise typer.BadParameter("--people and --no-names: give one of them")
        if self.anonymise is None and (self.cover or self.spare or self.whom is not Who.everyone):
            raise typer.BadParameter("--whom, --cover and --spare: go with --anonymise")
        if self.anonymise is not None and self.out is None:
            raise typer.BadParameter("--anonymise: say where to write the video: --out FILE")
        if self.cover and self.spare:
            raise typer.BadParameter("--cover and --spare: give one of them")
        if self.whom is not Who.everyone and self.people is None:
            raise typer.BadParameter(f"--whom {self.whom.value}: needs --people")
        if (self.cover or self.spare) and not self.names:
            raise typer.BadParameter("--cover and --spare: without names nobody has one")
        if self.start is not None and self.stop is not None and self.stop <= self.start:
            raise typer.BadParameter("--stop: expected a time after --start")
