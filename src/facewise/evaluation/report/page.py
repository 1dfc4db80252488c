"""The page: blocks of HTML made of plain text, and one file that holds them all.

Names of files and people are anybody's, so text becomes HTML in `escaped` alone. The page takes
nothing from elsewhere and runs nothing, and its content security policy has the browser see to it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NewType

Html = NewType("Html", str)
"""Text that is markup; everything else is escaped."""

_STYLE = Path(__file__).with_name("style.css")
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing.

    Attributes:
        svg: an element `svg` to stand in a page.
        title: what it shows, in a few words.
        names: of its curves, in order; empty where the drawing names them itself.
    """

    svg: Html
    title: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture.

    Attributes:
        name: of the image.
        source: a `data:` address, or None where the image cannot be shown.
        width: pixels.
        height: pixels.
    """

    name: str
    source: str | None
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Card:
    """Pictures that belong together, and what is to be said of them.

    Attributes:
        thumbnails: one or two.
        value: the figure, for example a similarity.
        verdict: what became of it.
        wrong: the verdict is an error.
    """

    thumbnails: tuple[Thumbnail, ...]
    value: str = ""
    verdict: str = ""
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What a reader must know of a model, if nothing else.

    Attributes:
        model: its name.
        value: the figure.
        unit: what the figure is.
        sentence: the result in words.
    """

    model: str
    value: str
    unit: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with a heading of its own.

    Attributes:
        title: the heading.
        blocks: what stands below.
    """

    title: str
    blocks: tuple[Html, ...]


def printable(text: object) -> str:
    """Text with whatever cannot be printed spelled out.

    That is control characters, marks that turn the direction of writing, and bytes that are no
    text.
    """
    return "".join(
        c if c.isprintable() or c == "\u00a0" else c.encode("unicode_escape").decode()
        for c in str(text)
    )


def escaped(text: object) -> Html:
    """Text as HTML."""
    return Html(html.escape(printable(text)))


def breakable(text: object) -> Html:
    """A name as HTML, which may be broken where its parts meet."""
    return Html(re.sub(r"[/_+]", r"\g<0><wbr>", escaped(text)))


def joined(blocks: Iterable[Html]) -> Html:
    """Blocks one below the other."""
    return Html("\n".join(blocks))


def heading(text: str, level: int = 3) -> Html:
    """A heading below that of a section."""
    return Html(f"<h{level}>{breakable(text)}</h{level}>")


def paragraph(text: str, kind: str = "") -> Html:
    """A paragraph; `kind` is `lead`, `note` or `warning`."""
    named = f' class="{kind}"' if kind else ""
    role = ' role="note"' if kind == "warning" else ""
    return Html(f"<p{named}{role}>{escaped(text)}</p>")


def bullets(lines: Sequence[str]) -> Html:
    """A list of remarks."""
    return Html("<ul>" + "".join(f"<li>{escaped(line)}</li>" for line in lines) + "</ul>")


def code(text: str) -> Html:
    """A command, as it was typed."""
    return Html(f"<pre><code>{escaped(text)}</code></pre>")


def table(
    caption: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    words: Collection[int] = (),
    best: Collection[tuple[int, int]] = (),
) -> Html:
    """A table that scrolls in its own box where it is wider than the page.

    Args:
        caption: what it shows.
        headings: of the columns.
        rows: their cells; the first is the row's heading.
        words: columns that hold words; the others hold figures and are set to the right.
        best: row and column of cells to stress.
    """

    def kind(column: int) -> str:
        return ' class="words"' if column == 0 or column in words else ' class="figure"'

    head = "".join(f'<th scope="col"{kind(c)}>{escaped(h)}</th>' for c, h in enumerate(headings))
    body = []
    for r, row in enumerate(rows):
        cells = [f'<th scope="row"{kind(0)}>{breakable(row[0])}</th>']
        for c, cell in enumerate(row[1:], start=1):
            text = breakable(cell) if c in words else escaped(cell)
            if (r, c) in best:
                text = Html(f"<strong>{text}</strong>")
            cells.append(f"<td{kind(c)}>{text}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    # A box that scrolls must be reachable by keyboard.
    return Html(
        f'<div class="scroll" role="region" aria-label="{escaped(caption)}" tabindex="0"><table>\n'
        f"<caption><span>{escaped(caption)}</span></caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>{joined(Html(row) for row in body)}</tbody></table></div>"
    )


def figures(charts: Sequence[tuple[Chart, str]]) -> Html:
    """Charts side by side where there is room, each with a caption."""
    return Html(f'<div class="figures">{joined(_figure(*each) for each in charts)}</div>')


def _figure(chart: Chart, caption: str) -> Html:
    legend = ""
    if len(chart.names) > 1:
        entries = (
            f'<li><svg viewBox="0 0 28 8" aria-hidden="true" class="key curve-{i % 12}">'
            f'<line x1="0" y1="4" x2="28" y2="4"/></svg><span>{breakable(name)}</span></li>'
            for i, name in enumerate(chart.names)
        )
        legend = f'<ul class="legend">{"".join(entries)}</ul>'
    return Html(
        f'<figure class="chart"><div><h3>{breakable(chart.title)}</h3>{legend}</div>{chart.svg}'
        f"<figcaption>{escaped(caption)}</figcaption></figure>"
    )


def results(entries: Sequence[Result]) -> Html:
    """The results of all models, each in a box."""
    boxes = (
        f'<div class="result"><h2>{breakable(e.model)}</h2>'
        f'<p class="value">{escaped(e.value)} <span>{escaped(e.unit)}</span></p>'
        f"<p>{escaped(e.sentence)}</p></div>"
        for e in entries
    )
    return Html(f'<div class="results">{"".join(boxes)}</div>')


def gallery(cards: Sequence[Card]) -> Html:
    """Cards of pictures, as many beside each other as fit."""
    return Html(f'<ul class="gallery">{joined(_card(card) for card in cards)}</ul>')


def _card(card: Card) -> Html:
    pictures = "".join(
        f"<figure>{_thumbnail(each)}<figcaption>{breakable(each.name)}</figcaption></figure>"
        for each in card.thumbnails
    )
    said = f"<b>{escaped(card.value)}</b> " if card.value else ""
    if card.verdict:
        said += f'<span class="{"wrong" if card.wrong else "right"}">{escaped(card.verdict)}</span>'
    kind = "pair" if len(card.thumbnails) > 1 else "single"
    return Html(f'<li class="{kind}"><div>{pictures}</div><p>{said}</p></li>')


def _thumbnail(picture: Thumbnail) -> Html:
    if picture.source is None:
        return Html('<div class="unseen">cannot be shown</div>')
    return Html(
        f'<img src="{escaped(picture.source)}" alt="{escaped(picture.name)}" '
        f'width="{picture.width}" height="{picture.height}">'
    )


def key_values(rows: Sequence[tuple[str, str]]) -> Html:
    """Names with their values."""
    pairs = (f"<div><dt>{escaped(k)}</dt><dd>{breakable(v)}</dd></div>" for k, v in rows)
    return Html(f"<dl>{''.join(pairs)}</dl>")


def columns(blocks: Sequence[Html]) -> Html:
    """Blocks side by side where there is room."""
    return Html(f'<div class="columns">{"".join(f"<div>{b}</div>" for b in blocks)}</div>')


def folded(summary: str, block: Html) -> Html:
    """A block that opens on request."""
    return Html(f"<details><summary>{escaped(summary)}</summary>{block}</details>")


def page(title: str, opening: Sequence[Html], sections: Sequence[Section]) -> str:
    """The whole page, to be written as UTF-8.

    Args:
        title: of the page.
        opening: blocks before the first section.
        sections: the rest; those without blocks are left out.
    """
    shown = [(f"part-{i}", s) for i, s in enumerate((s for s in sections if s.blocks), start=1)]
    links = "".join(f'<li><a href="#{a}">{escaped(s.title)}</a></li>' for a, s in shown)
    parts = (
        f'<section id="{anchor}"><h2>{escaped(section.title)}</h2>\n'
        f"{joined(section.blocks)}\n</section>"
        for anchor, section in shown
    )
    style = _STYLE.read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escaped(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f"<header><h1>{escaped(title)}</h1>\n{joined(opening)}\n</header>\n"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n'
        f"{joined(Html(part) for part in parts)}\n</main>\n</body>\n</html>\n"
    )
