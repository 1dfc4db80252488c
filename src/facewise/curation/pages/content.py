"""What a page of faces holds: sections of groups of tiles, each with a choice to change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Tone = Literal["good", "bad", "neutral"]
"""How a choice looks: framed in green, dimmed and framed in red, or plain."""

PictureSource: TypeAlias = "bytes | Callable[[], bytes | None] | None"
"""A thumbnail as the content of a JPEG file, or what makes it when it is written; or none."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the things that can be decided of a face.

    Attributes:
        key: stands in the decision file.
        label: what people read, in a word or two.
        tone: how it looks.
    """

    key: str
    label: str
    tone: Tone = "neutral"


@dataclass(frozen=True, slots=True)
class Tile:
    """One face.

    Attributes:
        id: by which the decision file names it, plain ASCII, unique on the page (say what it stands
            for in `Page.made`); None: it is shown and cannot be decided here.
        picture: its thumbnail.
        caption: a name, for example of the file.
        choice: key of the choice it begins with.
        reason: why.
        link: address of the whole picture, relative to the page or `file:`; None: none.
    """

    id: str | None
    picture: PictureSource
    caption: str
    choice: str = ""
    reason: str = ""
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Faces that belong together.

    Attributes:
        id: by which the decision file names it, plain ASCII, unique on the page.
        title: its heading.
        tiles: the faces.
        notes: sentences below the heading.
        name: what it is called now, which a reader can change; None: it has no name to change.
        warning: the notes are such that a reader should look.
    """

    id: str
    title: str
    tiles: Iterable[Tile]
    notes: tuple[str, ...] = ()
    name: str | None = None
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with a heading of its own.

    Attributes:
        title: the heading.
        groups: taken one after another as they are written.
        notes: sentences below the heading.
        lines: a list, for example of files that cannot be read.
    """

    title: str
    groups: Iterable[Group] = ()
    notes: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A page in which a click overrules what was decided.

    Attributes:
        kind: of decisions: `clean`, `cluster` …; who reads them asks for it.
        title: of the page.
        choices: a click on a face takes the next one, and after the last the first.
        sections: the content.
        notes: sentences at the top.
        facts: names with their values, at the top.
        made: plain values that the decision file repeats: whatever applying it needs to know.
        command: what to type to apply the decisions; shown beside the export.
    """

    kind: str
    title: str
    choices: tuple[Choice, ...]
    sections: Iterable[Section]
    notes: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    made: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
