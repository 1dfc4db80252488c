"""What `facewise align` says at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from facewise.aligning import Work
    from facewise.alignment import CropPolicy

_LISTED = 20
"""Photos that are named on the screen; the tables in the folder have them all."""


def as_record(work: Work, policy: CropPolicy) -> dict[str, object]:
    """Plain values, as `--json` writes them."""
    return {
        "out": str(work.out),
        "crop": repr(policy),
        "select": work.choice,
        "photos": len(work.tasks),
        "chips": work.chips,
        "cut": work.cut,
        "kept": work.kept,
        "failures": [
            {"image": each.task.photo.name, "error": each.reason, "faceless": each.faceless}
            for each in work.failures
        ],
        "several": [{"image": each.task.photo.name, "faces": each.faces} for each in work.several],
    }


def show(work: Work, side: int) -> None:
    """How many chips there are, and what there is to know of them."""
    before = f", {work.kept:,} were there" if work.kept else ""
    made = work.chips if work.choice == "all" and not work.kept else work.cut
    typer.echo(f"{made:,} chips of {side}×{side} pixels{before}: {work.out}")
    if work.several:
        from facewise.aligning.lists import SEVERAL_FILE

        cut = "all were cut" if work.choice == "all" else f"the {work.choice} was cut"
        typer.echo(
            f"{len(work.several):,} photos with several faces, {cut}: {work.out / SEVERAL_FILE}"
        )


def end(work: Work) -> None:
    """List photos without a chip, on standard error; status 1 if one was not only faceless."""
    from facewise.aligning.lists import PROBLEMS_FILE
    from facewise.cli.files import shown

    if not work.failures:
        return
    typer.echo(f"no chip: {len(work.failures):,} of {len(work.tasks):,} photos", err=True)
    for failure in work.failures[:_LISTED]:
        typer.echo(f"  {shown(str(failure))}", err=True)
    if len(work.failures) > _LISTED:
        more = len(work.failures) - _LISTED
        typer.echo(f"  and {more:,} more; all are in {work.out / PROBLEMS_FILE}", err=True)
    if not all(failure.faceless for failure in work.failures):
        raise typer.Exit(1)
