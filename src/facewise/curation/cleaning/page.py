"""The page of a cleaning: each folder's faces, kept and rejected, and the reason."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise.curation.pages import Choice, Group, Page, Section, Tile, thumbnail
from facewise.errors import ImageError
from facewise.images import load

if TYPE_CHECKING:
    from facewise.curation.cleaning.pictures import FolderPicture, PeopleFolders
    from facewise.curation.cleaning.verdicts import Verdicts

KIND = "clean"
KEEP, REJECT = "keep", "reject"
_CHOICES = (Choice(KEEP, "Kept", "good"), Choice(REJECT, "Rejected", "bad"))
_DUPLICATES = 200  # groups of near-duplicates at most that are shown


def cleaning_page(
    people: PeopleFolders,
    verdicts: Verdicts,
    model: str,
    *,
    command: str = "",
    facts: Sequence[tuple[str, str]] = (),
) -> Page:
    """The page, whose decision file says of every picture what becomes of it.

    Args:
        people: what was judged.
        verdicts: how.
        model: id of the embedder.
        command: that applies the decisions.
        facts: further names and values for the top.
    """
    rows: dict[str, list[int]] = {}
    for number, picture in enumerate(people.pictures):
        if picture.problem is None:
            rows.setdefault(picture.folder, []).append(number)
    bad = {name for name, own in rows.items() if not all(verdicts.each[i].keep for i in own)}
    odd = {
        name
        for name, own in rows.items()
        if name not in bad and any(verdicts.each[i].code == "unsure" for i in own)
    }
    numbers = {name: i for i, name in enumerate(rows)}

    def groups(names: Callable[[str], bool]) -> Iterator[Group]:
        for name, own in rows.items():
            if names(name):
                yield _folder(people, verdicts, name, own, numbers[name])

    rejected = sum(not v.keep and v.code != "unreadable" for v in verdicts.each)
    failed = [p for p in people.pictures if p.problem is not None]
    top: list[tuple[str, str]] = [
        ("folders", f"{len(rows):,}"),
        ("pictures", f"{len(people.pictures):,}"),
        ("rejected", f"{rejected:,}"),
        ("model", model),
    ]
    if verdicts.threshold is not None:
        top.append(("a face belongs from", f"{verdicts.threshold:.3f}"))
    sections = [
        Section("Folders with rejected faces", groups(lambda name: name in bad)),
        Section("Folders with faces to look at", groups(lambda name: name in odd)),
        Section(
            "The same person in two folders",
            _same_people(people, verdicts, rows),
            notes=("Nothing is rejected for it. Merge such folders by hand.",),
        ),
        Section("Pictures that are nearly the same", _duplicates(people, verdicts)),
        Section("All other folders", groups(lambda name: name not in bad | odd)),
        Section(
            "Pictures that cannot be read",
            lines=tuple(f"{p.path.as_posix()}: {p.problem}" for p in failed),
        ),
    ]
    empty = {
        "Folders with rejected faces": not bad,
        "Folders with faces to look at": not odd,
        "The same person in two folders": not verdicts.same_people,
        "Pictures that are nearly the same": not verdicts.duplicates,
        "All other folders": len(bad | odd) == len(rows),
        "Pictures that cannot be read": not failed,
    }
    return Page(
        KIND,
        f"What does not belong in {people.source.name or people.source}",
        _CHOICES,
        [section for section in sections if not empty[section.title]],
        facts=(*top, *facts),
        made=_made(people, model),
        command=command,
    )


def _made(people: PeopleFolders, model: str) -> dict[str, Any]:
    return {
        "source": str(people.source.resolve()),
        "model": model,
        "pictures": [[picture.path.as_posix(), picture.sha256] for picture in people.pictures],
    }


def _folder(
    people: PeopleFolders, verdicts: Verdicts, name: str, own: Sequence[int], number: int
) -> Group:
    order = sorted(own, key=lambda i: (verdicts.each[i].keep, verdicts.each[i].code != "unsure"))
    notes = []
    if name in verdicts.undecided:
        notes.append(
            "No majority of these pictures agrees on one person: keep those of the person that is "
            "meant."
        )
    tiles = (_tile(people, verdicts, i) for i in order)
    return Group(f"f{number}", name, tiles, tuple(notes), warning=bool(notes))


def _tile(people: PeopleFolders, verdicts: Verdicts, number: int, *, shown: bool = False) -> Tile:
    picture, verdict = people.pictures[number], verdicts.each[number]
    path = people.source / picture.path
    return Tile(
        None if shown else str(number),
        _Thumbnail(path, picture),
        picture.path.as_posix() if shown else "/".join(picture.path.parts[1:]),
        KEEP if verdict.keep else REJECT,
        "" if shown else verdict.reason,
        _address(path),
    )


class _Thumbnail:
    """Makes the thumbnail of a picture when the page wants it."""

    def __init__(self, path: Path, picture: FolderPicture) -> None:
        self._path, self._picture = path, picture

    def __call__(self) -> bytes | None:
        box = self._picture.box
        try:
            image = load(self._path)
        except ImageError:
            return None
        return thumbnail(image, None if box is None else np.array(box, np.float32))


def _address(path: Path) -> str | None:
    with contextlib.suppress(ValueError, UnicodeError):
        return path.resolve().as_uri()
    return None


def _same_people(
    people: PeopleFolders, verdicts: Verdicts, rows: dict[str, list[int]]
) -> Iterator[Group]:
    for number, (one, other, similarity) in enumerate(verdicts.same_people):
        tiles = [
            _tile(people, verdicts, i, shown=True)
            for name in (one, other)
            for i in [i for i in rows[name] if verdicts.each[i].keep][:3]
        ]
        notes = (f"{one} and {other} are alike: {similarity:.2f}",)
        yield Group(f"s{number}", f"{one} = {other}?", tiles, notes, warning=True)


def _duplicates(people: PeopleFolders, verdicts: Verdicts) -> Iterator[Group]:
    for number, group in enumerate(verdicts.duplicates[:_DUPLICATES]):
        tiles = [_tile(people, verdicts, i, shown=True) for i in group]
        folders = sorted({people.pictures[i].folder for i in group})
        same = len({people.pictures[i].sha256 for i in group}) == 1
        notes = ["The files are the same." if same else "They look the same."]
        if len(folders) > 1:
            notes.append(f"They lie in different folders: {', '.join(folders)}.")
        title = f"{len(group)} pictures in {', '.join(folders)}"
        yield Group(f"d{number}", title, tiles, tuple(notes), warning=len(folders) > 1)
