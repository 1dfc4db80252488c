"""What every protocol ends with: JSON, report, figures to read, exit status."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from facewise.cli.evaluate.options import RunOptions
    from facewise.evaluation.vectors import ImageVectors

OUTPUTS = ("json_file", "report", "cache")
"""Parameters that change no figure."""


def finish(
    record: dict[str, Any],
    options: RunOptions,
    *,
    show: Callable[[dict[str, Any]], None],
    report: Callable[[Path], Path],
    found: Sequence[ImageVectors],
) -> None:
    """Write what was asked for, and end with exit status 1 where an image could not be read.

    Args:
        record: of the evaluation.
        options: of the command.
        show: prints the record for people.
        report: writes the report into a folder, and gives the page.
        found: the vectors of all models.
    """
    from facewise.cli.files import write_text

    if options.json_file is not None:
        write_text(options.json_file, json.dumps(record, indent=2))
    page = None if options.report is None else report(options.report)
    if str(options.json_file) != "-":
        show(record)
        if page is not None:
            typer.echo(f"report: {page}")
    end(found)


def end(found: Sequence[ImageVectors]) -> None:
    """End with exit status 1 where an image could not be read, once everything is done."""
    if any(each.unreadable for each in found):
        raise typer.Exit(1)
