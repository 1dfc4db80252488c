"""Write a page: one HTML file that takes nothing from elsewhere, piece by piece.

Names of files and people are anybody's: text becomes HTML in `escaped` alone, and the page's
content security policy lets nothing run or load but what this module has written.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import IO, Literal

from facewise._files import begins_with, part_of, publish
from facewise.curation.pages.content import Group, Page, PictureSource, Section, Tile
from facewise.curation.pages.decisions import FORMAT, VERSION
from facewise.curation.pages.markup import BEGINNING, address_of, for_script, head, paragraphs
from facewise.errors import CurationError
from facewise.evaluation.report.page import escaped, key_values

Pictures = Literal["inline", "beside"]
"""Thumbnails in the page itself, or as files in a folder beside it, read as they come into view."""

_HERE = Path(__file__).parent


def write_page(path: str | PathLike[str], page: Page, *, pictures: Pictures = "inline") -> Path:
    """Write a page so that a reader finds the old one or the new, never a part.

    Groups and thumbnails are taken as they are written, so memory holds one at a time.

    Args:
        path: of the HTML file; folders that are not there are made.
        page: its content.
        pictures: `inline` is one file that can be sent to somebody (some 4 kB a face); `beside`
            makes a folder `NAME.pictures`, better from some thousand faces on. Such a folder
            that is there is replaced.

    Returns:
        The path.

    Raises:
        CurationError: two faces or groups have the same id, or one that is not plain ASCII; a
            face's choice is not one of the page's; or a file is in the way that is no page, or a
            folder of pictures that is none of ours.
        OSError: it cannot be written.
    """
    path = Path(path)
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    require_page(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.with_name(f"{path.stem}.pictures")
    part, drafts = part_of(path), part_of(folder)
    if pictures == "beside":
        _require_ours(folder)
        drafts.mkdir()
        (drafts / _MARK).touch()
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            _Writer(file, page, path, drafts if pictures == "beside" else None).write()
        if pictures == "beside":
            if folder.exists():
                shutil.rmtree(folder)
            drafts.rename(folder)
        publish(part, path, over=True, sync=False)
    finally:
        part.unlink(missing_ok=True)
        shutil.rmtree(drafts, ignore_errors=True)
    return path


_MARK = ".facewise-pictures"
"""An empty file in a folder of thumbnails, which says that it may be replaced."""


def require_page(path: Path) -> None:
    """Refuse to replace what is no page.

    Raises:
        CurationError: something else is there.
    """
    if not os.path.lexists(path):
        return
    if not path.is_file():
        raise CurationError(f"{path}: is no file; choose another name for the page")
    if not begins_with(path, BEGINNING.encode()):
        raise CurationError(f"{path}: is there, and is no page of facewise; choose another name")


def _require_ours(folder: Path) -> None:
    if folder.exists() and not (folder / _MARK).exists():
        raise CurationError(f"{folder}: is there and holds something else; choose another page")


class _Writer:
    """One page on its way into a file.

    Args:
        file: open for text.
        page: the content.
        path: where the file is going to be.
        folder: of thumbnails; None: they go into the page.
    """

    def __init__(self, file: IO[str], page: Page, path: Path, folder: Path | None) -> None:
        self._file = file
        self._page = page
        self._path = path
        self._folder = folder
        self._choices = {choice.key: choice for choice in page.choices}
        self._faces: set[str] = set()
        self._groups: set[str] = set()
        self._number = 0
        # Of what the page is about and what it began with: the browser keeps unfinished work by it.
        self._digest = hashlib.sha256(json.dumps([page.kind, dict(page.made)]).encode())

    def write(self) -> None:
        """The whole page."""
        page = self._page
        if not self._choices or len(self._choices) != len(page.choices):
            raise CurationError(f"choices: expected some, each with a key of its own: {page.title}")
        style, script = (
            (_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js")
        )
        self._put(head(page.title, style, script, inline=self._folder is None))
        self._put(f"<body>\n<main>\n<h1>{escaped(page.title)}</h1>\n{paragraphs(page.notes)}")
        if page.facts:
            self._put(f"{key_values(page.facts)}\n")
        if page.command:
            self._put(
                '<div class="apply"><p>Click the faces that are decided wrongly, export the '
                f"decisions, and type</p><code>{escaped(page.command)}</code></div>\n"
            )
        self._put(f"</main>\n{self._bar()}<main>\n")
        for number, section in enumerate(page.sections, start=1):
            self._section(section, number)
        self._put("</main>\n")
        about = {
            "format": FORMAT,
            "version": VERSION,
            "kind": page.kind,
            "page": self._digest.hexdigest(),
            "file": f"{self._path.stem}.decisions.json",
            "made": page.made,
            "choices": [{"key": c.key, "label": c.label, "tone": c.tone} for c in page.choices],
        }
        self._put(f'<script type="application/json" id="about">{for_script(about)}</script>\n')
        self._put(f"<script>{script}</script>\n</body>\n</html>\n")

    def _bar(self) -> str:
        """Counts, what is to be seen, and the export; shown where scripts run."""
        counts = "".join(
            f'<span class="count {c.tone}"><span class="dot"></span><b id="count-{escaped(c.key)}">'
            f"</b> {escaped(c.label.lower())}</span>"
            for c in self._page.choices
        )
        options = "".join(
            f'<option value="{escaped(c.key)}">{escaped(c.label)}</option>'
            for c in self._page.choices
        )
        return (
            '<div class="bar" id="controls" hidden><div><div class="counts">' + counts + "<span "
            'class="count"><b id="count-overruled"></b> changed by you</span></div>'
            '<label>Show <select id="filter"><option value="">everything</option>' + options + "<o"
            'ption value="*overruled">changed by you</option></select></label>'
            '<input id="search" type="search" placeholder="Find a name" aria-label="Find a name">'
            '<button type="button" id="undo" disabled>Undo</button>'
            '<button type="button" id="export" class="primary">Export decisions</button>'
            '<span id="said" class="unheard" role="status"></span></div></div>\n'
            '<main><p id="nothing" role="status" hidden>Nothing here is called that, or is of that '
            "kind.</p></main>\n"
            "<noscript><main><p>This page cannot be changed: scripts are switched off.</p></main>"
            "</noscript>\n"
        )

    def _section(self, section: Section, number: int) -> None:
        self._put(f'<section id="part-{number}"><h2>{escaped(section.title)}</h2>\n')
        self._put(paragraphs(section.notes))
        for group in section.groups:
            self._group(group)
        if section.lines:
            lines = "".join(f"<li>{escaped(line)}</li>" for line in section.lines)
            self._put(f'<ul class="lines">{lines}</ul>\n')
        self._put("</section>\n")

    def _group(self, group: Group) -> None:
        _take(group.id, self._groups, "groups")
        kind = "group warning" if group.warning else "group"
        title, label = f"<h3>{escaped(group.title)}</h3>", escaped(group.title)
        if group.name is not None:
            self._digest.update(json.dumps([group.id, group.name]).encode())
            title += (
                f'<label class="name">Name <input class="name" data-group="{escaped(group.id)}" '
                f'value="{escaped(group.name)}" autocomplete="off"></label>'
            )
        self._put(
            f'<div class="{kind}" role="group" aria-label="{label}" data-title="{label}">'
            f'<header>{title}<span class="tally"></span>'
        )
        tiles = iter(group.tiles)
        first = next(tiles, None)
        if first is not None and first.id is not None:
            self._put(
                "".join(
                    f'<button type="button" class="all" data-choice="{escaped(c.key)}">'
                    f"All {escaped(c.label.lower())}</button>"
                    for c in self._page.choices
                )
            )
        self._put(f"</header>\n{paragraphs(group.notes)}")
        if first is not None:
            self._put('<ul class="tiles">\n')
            for tile in chain([first], tiles):
                self._tile(tile)
            self._put("</ul>\n")
        self._put("</div>\n")

    def _tile(self, tile: Tile) -> None:
        picture = self._picture(tile.picture)
        said = (
            f'<span class="picture">{picture}</span><span class="caption">{escaped(tile.caption)}'
            "</span>"
        )
        reason = f'<span class="reason">{escaped(tile.reason)}</span>' if tile.reason else ""
        link = ""
        if tile.link is not None:
            link = (
                f'<a href="{escaped(tile.link)}" target="_blank" rel="noreferrer" tabindex="-1" '
                f'aria-label="the picture {escaped(tile.caption)}">open</a>'
            )
        if tile.id is None:
            self._put(f'<li><div class="tile">{said}{reason}</div>{link}</li>\n')
            return
        if tile.choice not in self._choices:
            raise CurationError(f"{tile.id!r}: the page has no choice {tile.choice!r}")
        _take(tile.id, self._faces, "faces")
        self._digest.update(json.dumps([tile.id, tile.choice]).encode())
        choice = self._choices[tile.choice]
        self._put(
            f'<li><button type="button" class="tile {choice.tone}" data-id="{escaped(tile.id)}" '
            f'data-choice="{escaped(choice.key)}">{said}<span class="said"><span class="word">'
            f'{escaped(choice.label)}</span><span class="mine" hidden>by you</span></span>{reason}'
            f"</button>{link}</li>\n"
        )

    def _picture(self, source: PictureSource) -> str:
        content = source() if callable(source) else source
        if content is None:
            return "no picture"
        self._number += 1
        if self._folder is None:
            address = "data:image/jpeg;base64," + base64.b64encode(content).decode("ascii")
        else:
            name = f"{self._number:06}.jpg"
            (self._folder / name).write_bytes(content)
            address = address_of(f"{self._path.stem}.pictures/{name}")
        return f'<img src="{escaped(address)}" alt="" loading="lazy" decoding="async">'

    def _put(self, text: str) -> None:
        self._file.write(text)


def _take(identity: str, taken: set[str], what: str) -> None:
    if not (identity.isascii() and identity.isprintable()):
        raise CurationError(f"id {identity!r}: expected plain ASCII")
    if identity in taken:
        raise CurationError(f"two {what} of the page have the id {identity!r}")
    taken.add(identity)
