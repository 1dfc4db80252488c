"""What a gallery holds, for people to read, on standard output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer

from facewise.cli.files import shown

if TYPE_CHECKING:
    from facewise.gallery.identification import IdentifiedPhoto
    from facewise.gallery.overviews import PersonDetails, PersonOverview
    from facewise.gallery.thresholds import SearchThreshold

_UNLIMITED = 10_000  # columns, in a file or pipe: nothing is cut there


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table. Names and texts are shown as they are: no markup, control signs escaped."""
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _UNLIMITED
    grid = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        grid.add_row(*(shown(str(cell)) for cell in row))
    console.print(grid)


def people(rows: Iterable[PersonOverview]) -> None:
    """A line for each person."""
    table(
        ("number", "name", "faces", "retain until", "consent", "since"),
        (
            (
                f"#{row.person.id}",
                row.person.name,
                row.faces,
                row.person.retain_until or "",
                row.person.consent,
                row.person.created.date(),
            )
            for row in rows
        ),
    )


def person(details: PersonDetails) -> None:
    """A person, and a line for each face."""
    from facewise.gallery.digests import name_in

    who = details.person
    typer.echo(f"{shown(who.name)} (#{who.id}), since {who.created:%Y-%m-%d}")
    for what, text in (
        ("retain until", who.retain_until),
        ("consent", who.consent),
        ("notes", who.notes),
    ):
        if text:
            typer.echo(f"{what}: {shown(str(text))}")
    if not details.faces:
        typer.echo("no faces")
        return
    table(
        ("face", "quality", "chip", "since", "from"),
        (
            (
                face.id,
                "" if face.quality is None else f"{face.quality:.3f}",
                "yes" if face.has_chip else "no",
                face.created.date(),
                name_in(face.source),
            )
            for face in details.faces
        ),
    )


def candidates(images: Sequence[IdentifiedPhoto]) -> None:
    """For each picture and face a line for each candidate."""
    for image in images:
        if image.error is not None:
            continue
        count = len(image.faces)
        typer.echo(f"{shown(image.image)}: {count} {'face' if count == 1 else 'faces'}")
        for box, some in zip(image.faces.boxes, image.candidates, strict=True):
            x1, y1, x2, y2 = box.round().astype(int).tolist()
            typer.echo(f"face {x2 - x1}x{y2 - y1} at {x1}, {y1}")
            table(
                ("similarity", "number", "name", "face", "from"),
                (
                    (f"{c.similarity:.3f}", f"#{c.person_id}", c.name, c.face_id, c.source)
                    for c in some
                ),
            )


def decided(threshold: SearchThreshold) -> str:
    """A threshold in words."""
    from facewise.cli.loading import described

    words = described(threshold.as_threshold())
    if threshold.fpir is None:
        return words
    words += f"; FPIR {threshold.fpir:.2g} with {threshold.comparisons:,} comparisons of a face"
    return f"{words} ({threshold.note})" if threshold.note else words
