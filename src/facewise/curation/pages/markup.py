"""Pieces of a page's HTML, and what keeps anything else out of it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from urllib.parse import quote

from facewise.evaluation.report.page import escaped

BEGINNING = '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
"""Of every page."""


def head(title: str, style: str, script: str, *, inline: bool) -> str:
    """The beginning of a page, up to its body.

    Args:
        title: of the page, as text.
        style: the only style sheet that counts.
        script: the only script that runs.
        inline: pictures are in the page; else beside it.
    """
    policy = "; ".join(
        (
            "default-src 'none'",
            "img-src data:" if inline else "img-src 'self' file:",
            f"style-src 'sha256-{_digest(style)}'",
            f"script-src 'sha256-{_digest(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return (
        f'{BEGINNING}<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(title)}</title>\n<style>{style}</style>\n</head>\n"
    )


def for_script(value: object) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(value, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def address_of(path: str) -> str:
    """A path relative to the page, as an address."""
    return quote(path, errors="surrogateescape")


def paragraphs(notes: Iterable[str]) -> str:
    """Sentences, each in a paragraph of its own."""
    return "".join(f"<p>{escaped(note)}</p>\n" for note in notes)


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
