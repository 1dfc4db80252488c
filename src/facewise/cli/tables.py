"""Results for people to read, on standard output."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facewise.cli.files import shown
from facewise.cli.loading import probable

if TYPE_CHECKING:
    from facewise.faces import Faces
    from facewise.recognition import PhotoResult


_UNLIMITED = 10_000  # columns, in a file or pipe: nothing is cut there


def show(results: Sequence[PhotoResult], out: Path | None = None) -> None:
    """A table for each picture that could be read, with a line for each face.

    Args:
        results: of the pictures.
        out: the folder they were drawn to, if they were; named at the end.
    """
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table

    # File names are shown as they are: no markup, no emoji codes, no wrapping of lines.
    console = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _UNLIMITED
    for result in results:
        if result.error is not None:
            continue
        faces = result.faces
        console.print(
            f"{shown(result.image)}: {len(faces)} {'face' if len(faces) == 1 else 'faces'}"
        )
        if not len(faces):
            continue
        columns = _columns(faces)
        table = Table(*columns, box=None, pad_edge=False)
        for row in zip(*columns.values(), strict=True):
            table.add_row(*row)
        console.print(Padding.indent(table, 2))
    if out is not None:
        console.print(f"pictures in {out}")


def _columns(faces: Faces) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {}
    if "name" in faces.data:
        columns["name"] = [shown(name) for name in faces.data["name"].tolist()]
        columns["similarity"] = [f"{value:.3f}" for value in faces.data["similarity"]]
    if "probability" in faces.data:
        from facewise.recognition import Far

        columns["probability"] = [probable(value) for value in faces.data["probability"].tolist()]
        fars = zip(faces.data["far_at_similarity"], faces.data["far_is"], strict=True)
        columns["FAR"] = [str(Far(rate, kind)) for rate, kind in fars]
    columns["score"] = [f"{score:.3f}" for score in faces.scores]
    boxes = faces.boxes.round().astype(int).tolist()
    columns["size at x, y"] = [f"{x2 - x1}x{y2 - y1} at {x1}, {y1}" for x1, y1, x2, y2 in boxes]
    return columns
