"""Where `facewise clean` places pictures, and how that is undone."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from facewise.errors import FacewiseError

if TYPE_CHECKING:
    from facewise.curation.cleaning.placements import Plan
    from facewise.curation.placing import How


def check_places(
    source: Path,
    out: Path | None,
    rejected: Path | None,
    report: Path | None,
    json_file: Path | None,
    journal: Path | None,
) -> None:
    """Refuse places that lie in each other, and a journal that is none, before anything is judged.

    Raises:
        FacewiseError: see above; names them.
    """
    from facewise.cli.files import is_within, protect

    folders = {"--out": out, "--rejected": rejected}
    for name, folder in folders.items():
        if folder is not None and (is_within(folder, source) or is_within(source, folder)):
            raise FacewiseError(f"{name} {folder}: lies in SRC, or SRC in it; choose another")
    nested = (
        out is not None
        and rejected is not None
        and (is_within(out, rejected) or is_within(rejected, out))
    )
    if nested:
        raise FacewiseError("--out and --rejected: one lies in the other; choose another")
    for name, file in {"--report": report, "--json": json_file, "--journal": journal}.items():
        if file is not None and str(file) != "-" and is_within(file, source):
            raise FacewiseError(f"{name} {file}: lies in SRC; choose another folder")
    protect([], [report, json_file, journal])
    if report is not None:
        from facewise.curation.pages.writing import require_page

        require_page(report)
    if out is not None or rejected is not None:
        from facewise.curation.placing.journal import entries_of

        for folder in filter(None, [out, rejected]):
            _require_folder(folder)
        file = journal_of(out, rejected, journal)
        if file.exists() and file.stat().st_size:
            entries_of(file, made_from(source))


def _require_folder(folder: Path) -> None:
    """Make sure that pictures can be placed there, before anything is judged."""
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not there.is_dir():
        raise FacewiseError(f"{folder}: {there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise FacewiseError(f"{folder}: {there} cannot be written")


def made_from(source: Path) -> dict[str, str]:
    """What the journal says of the run."""
    return {"command": "clean", "source": str(source.resolve())}


def journal_of(out: Path | None, rejected: Path | None, journal: Path | None) -> Path:
    """The file that lists what is placed."""
    from facewise.curation.cleaning import JOURNAL

    return journal or (out or rejected or Path()) / JOURNAL


def place_plan(
    plan: Plan,
    source: Path,
    out: Path | None,
    rejected: Path | None,
    journal: Path | None,
    how: How,
    *,
    quiet: bool = False,
) -> list[str]:
    """Carry out a plan, and say what was done; problems, a sentence each."""
    from facewise.cli.progress import counting
    from facewise.curation.placing import place

    file = journal_of(out, rejected, journal)
    with counting("placing", len(plan.placements)) as report:
        done = place(
            plan.placements,
            file,
            how=how,
            made=made_from(source),
            report=report,
        )
    if not quiet:
        changed = f", {plan.overruled:,} as you decided" if plan.overruled else ""
        typer.echo(f"{plan.kept:,} kept, {plan.rejected:,} rejected{changed}")
        before = f", {done.kept:,} were there" if done.kept else ""
        gone = f", {done.removed:,} taken away" if done.removed else ""
        typer.echo(f"{done.made:,} placed{before}{gone}")
        typer.echo(f"undo with: facewise clean --undo {shlex.quote(str(file))}")
    return [*plan.problems, *done.problems]


def undo_journal(journal: Path, others: list[Path | None]) -> None:
    """Take away what a journal lists; goes without other arguments."""
    from facewise.curation.placing import undo

    if any(other is not None for other in others):
        raise typer.BadParameter("--undo: goes without other arguments")
    done = undo(journal)
    missing = f"; {done.missing:,} were not there any more" if done.missing else ""
    typer.echo(f"{done.removed:,} pictures and {done.folders:,} folders taken away{missing}")
    end(done.left)


def end(problems: list[str]) -> None:
    """List what went wrong, if anything did, and end with exit status 1."""
    from facewise.cli.files import shown

    if problems:
        typer.echo(f"failed: {len(problems):,}", err=True)
        for problem in problems:
            typer.echo(f"  {shown(problem)}", err=True)
        raise typer.Exit(1)
