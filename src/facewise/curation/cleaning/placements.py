"""From verdicts, or from decisions, to where each picture goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from facewise.curation.cleaning.page import KEEP, KIND, REJECT
from facewise.curation.cleaning.pictures import find_pictures
from facewise.curation.pages import read_decisions
from facewise.curation.placing import Placement
from facewise.curation.placing.digests import file_sha256
from facewise.errors import CurationError

if TYPE_CHECKING:
    from facewise.curation.cleaning.pictures import PeopleFolders
    from facewise.curation.cleaning.verdicts import Verdicts

JOURNAL = ".facewise-clean.jsonl"
"""Name of the journal in the folder of clean pictures, or of rejected ones."""


@dataclass(slots=True)
class Plan:
    """Where pictures go.

    Attributes:
        placements: of kept pictures below one folder, of rejected ones below another.
        kept: how many pictures are kept.
        rejected: how many are rejected.
        overruled: how many of them a person has decided otherwise.
        problems: pictures that cannot be placed, a sentence each.
    """

    placements: list[Placement] = field(default_factory=list)
    kept: int = 0
    rejected: int = 0
    overruled: int = 0
    problems: list[str] = field(default_factory=list)

    def add(
        self, source: Path, relative: Path, keep: bool, out: Path | None, rejected: Path | None
    ) -> None:
        """Plan one picture; nowhere where no folder was given for it."""
        self.kept += keep
        self.rejected += not keep
        target = out if keep else rejected
        if target is not None:
            self.placements.append(Placement(source / relative, target.absolute() / relative))


def plan_verdicts(
    people: PeopleFolders, verdicts: Verdicts, out: Path | None, rejected: Path | None
) -> Plan:
    """Where the pictures go by what was found; those that cannot be read go nowhere."""
    plan = Plan()
    for picture, verdict in zip(people.pictures, verdicts.each, strict=True):
        if verdict.code != "unreadable":
            plan.add(people.source, picture.path, verdict.keep, out, rejected)
    return plan


def plan_decisions(file: Path, source: Path, out: Path | None, rejected: Path | None) -> Plan:
    """Where the pictures go by the decision file of a page.

    Args:
        file: that the page exported.
        source: the folder of people, which has to be the page's.
        out: for what is kept, or None.
        rejected: for what is rejected, or None.

    Raises:
        CurationError: it is no decision file of a cleaning, or that of another folder, or it lacks
            pictures of its page.
    """
    decisions = read_decisions(file, KIND, {KEEP, REJECT})
    pictures = decisions.made.get("pictures")
    if not isinstance(pictures, list):
        raise CurationError(f"{file}: damaged: expected the page's pictures")
    if decisions.made.get("source") != str(source.resolve()):
        raise CurationError(
            f"{file}: holds decisions on {decisions.made.get('source')}, not on {source.resolve()}"
        )
    plan = Plan(overruled=len(decisions.overruled))
    _require_all(file, pictures, decisions.choices)
    for number, choice in decisions.choices.items():
        try:
            name, sha256 = pictures[_row(number)]
            relative = _inside(name)
        except (ValueError, IndexError, TypeError):
            raise CurationError(f"{file}: damaged: face {number!r} is of no picture") from None
        try:
            now = file_sha256(source / relative)
        except OSError as error:
            plan.problems.append(f"{source / relative}: {error.strerror or error}")
            continue
        if now != sha256:
            plan.problems.append(f"{source / relative}: was changed since the page was made")
            continue
        plan.add(source, relative, choice == KEEP, out, rejected)
    on_page = {name for name, _ in pictures}
    plan.problems += [
        f"{path}: is not on the page, so nothing is decided about it; make the page anew"
        for path in find_pictures(source)[0]
        if path.relative_to(source).as_posix() not in on_page
    ]
    return plan


def _require_all(file: Path, pictures: list[Any], choices: Mapping[str, str]) -> None:
    """A page decides on each of its pictures that can be read; so must its file.

    Raises:
        CurationError: some have no choice, or what the file says of pictures is damaged.
    """
    lacking = []
    for number, picture in enumerate(pictures):
        if not (isinstance(picture, list) and [type(each) for each in picture] == [str, str]):
            raise CurationError(f"{file}: damaged: expected name and sha256 of picture {number}")
        if picture[1] and str(number) not in choices:
            lacking.append(picture[0])
    if lacking:
        raise CurationError(
            f"{file}: damaged: {len(lacking):,} pictures have no choice, as {lacking[0]!r}"
        )


def _row(number: str) -> int:
    """A number as the page writes it: no sign, no zeros in front, no other alphabet's digits."""
    if not (number.isascii() and number.isdecimal() and str(int(number)) == number):
        raise ValueError(number)
    return int(number)


def _inside(name: str) -> Path:
    """A path of the page, which must not lead out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or len(path.parts) < 2 or "\0" in name:
        raise ValueError(name)
    return Path(*path.parts)
