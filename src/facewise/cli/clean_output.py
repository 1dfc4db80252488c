"""What `facewise clean` has found, as lines and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import typer

from facewise.cli.files import shown

if TYPE_CHECKING:
    from facewise.curation.cleaning import PeopleFolders, Verdicts


def summary(people: PeopleFolders, verdicts: Verdicts) -> None:
    """Print what was found, a line for each kind."""
    counts = Counter(verdict.code for verdict in verdicts.each if not verdict.keep)
    kept = sum(verdict.keep for verdict in verdicts.each)
    folders = len({picture.folder for picture in people.pictures})
    typer.echo(f"{len(people.pictures):,} pictures in {folders:,} folders: {kept:,} belong")
    for code, count in counts.most_common():
        typer.echo(f"  {count:,} {_WORDS[code]}")
    unsure = sum(verdict.code == "unsure" for verdict in verdicts.each)
    if unsure:
        typer.echo(f"  {unsure:,} kept, but look at them (--report)")
    for name in verdicts.undecided:
        typer.echo(f"  {shown(name)}: no majority of one person")
    for one, other, similarity in verdicts.same_people:
        typer.echo(f"  {shown(one)} and {shown(other)} show one person? ({similarity:.2f})")
    if verdicts.duplicates:
        pictures = sum(map(len, verdicts.duplicates))
        groups = len(verdicts.duplicates)
        several = f"{groups:,} groups" if groups > 1 else "one group"
        typer.echo(f"  {pictures:,} pictures in {several} are nearly the same")


_WORDS = {
    "stranger": "are unlike the others of their folder",
    "other": "look like the person of another folder",
    "undecided": "lie in folders without a majority of one person",
    "no face": "show no face",
    "small": "are too small",
    "blurred": "are blurred",
    "doubtful": "are perhaps no faces",
    "duplicate": "are nearly the same as another",
    "unreadable": "cannot be read",
}


def as_json(people: PeopleFolders, verdicts: Verdicts, model: str) -> dict[str, Any]:
    """Everything that was found, as plain values (docs/command-line.md)."""
    pictures = []
    for picture, verdict in zip(people.pictures, verdicts.each, strict=True):
        pictures.append(
            {
                "picture": picture.path.as_posix(),
                "folder": picture.folder,
                "keep": verdict.keep,
                "code": verdict.code,
                "reason": verdict.reason,
                "similarity": verdict.similarity,
                "box": picture.box,
                "quality": picture.quality,
                "sha256": picture.sha256,
                "error": picture.problem,
            }
        )
    names = [picture.path.as_posix() for picture in people.pictures]
    return {
        "source": str(people.source),
        "model": model,
        "threshold": verdicts.threshold,
        "pictures": pictures,
        "same_people": [
            {"folders": [one, other], "similarity": value}
            for one, other, value in verdicts.same_people
        ],
        "undecided": list(verdicts.undecided),
        "duplicates": [[names[i] for i in group] for group in verdicts.duplicates],
    }
