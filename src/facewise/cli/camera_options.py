"""The options of `facewise camera`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

SourceArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A camera (its number, /dev/video0, v4l2:…), an address (rtsp://…, http://…), or "
        "a video or pictures, which are played as if they were one.",
    ),
]
People: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="DIR|GALLERY",
        help="Who is known: a folder of people, or a gallery. New people are enrolled there.",
        show_default=False,
    ),
]
Create: TypeAlias = Annotated[
    bool,
    typer.Option("--create", help="Make the folder of people, or the gallery (NAME.db or URL)."),
]
OutFolder: TypeAlias = Annotated[
    Path,
    typer.Option(metavar="DIR", file_okay=False, help="Where snapshots and recordings go."),
]
JsonLines: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="FILE",
        dir_okay=False,
        help="Write what happens as JSON, a line for each event as it happens; - writes them, "
        "and nothing else, to standard output.",
    ),
]
Record: TypeAlias = Annotated[bool, typer.Option("--record", help="Record from the beginning.")]
Page: TypeAlias = Annotated[
    bool, typer.Option("--page/--no-page", help="Serve the page; or only say what happens.")
]
Open: TypeAlias = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]
EndWithPage: TypeAlias = Annotated[
    bool, typer.Option("--end-with-page", help="End when the last viewer has closed the page.")
]
Host: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Listen on this address; others than this machine may look then.",
    ),
]
Port: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="PORT",
        min=0,
        max=65535,
        help="Default: 8460, or any free one.",
        show_default=False,
    ),
]
Token: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        envvar="FACEWISE_CAMERA_TOKEN",
        help="The secret in the page's address, so that it stays the same; else a new one.",
        show_default=False,
    ),
]
Size: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="WxH", help="Ask a camera for this size.", show_default=False),
]
Rate: TypeAlias = Annotated[
    float | None,
    typer.Option(
        metavar="FPS",
        help="Ask a camera for this rate; the rate of pictures.",
        show_default=False,
    ),
]
Loop: TypeAlias = Annotated[
    bool, typer.Option("--loop", help="Play a file, or pictures, again and again.")
]
Retry: TypeAlias = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0,
        help="Give up a camera that was lost after so long; by default never.",
        show_default=False,
    ),
]
Resize: TypeAlias = Annotated[
    float,
    typer.Option(
        metavar="FACTOR",
        help="Multiply frames by this, in (0, 1], before faces are looked for.",
    ),
]
Fpir: TypeAlias = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="The share of strangers who may get a name (default: 0.01).",
        show_default=False,
    ),
]
Far: TypeAlias = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="Use the threshold that was measured for this false-accept rate.",
        show_default=False,
    ),
]
