"""Names of people as names of folders, on any system."""

from __future__ import annotations

import unicodedata
from collections.abc import Container

_FORBIDDEN = '<>:"/\\|?*'  # by Windows; a slash by all
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
)
_MOST = 120  # bytes: file systems take 255, and encrypted ones 143


def safe_name(text: str, taken: Container[str] = frozenset(), *, otherwise: str = "unnamed") -> str:
    """A name that can be a folder's or file's on Linux, macOS and Windows.

    Args:
        text: what a person is called.
        taken: names that are used already, casefolded; the result gets a number until its
            casefolded form is none of them.
        otherwise: the name where nothing of the text is left.

    Returns:
        The text in Unicode's composed form (NFC), without what cannot be printed or stand in a
        name, not hidden, at most 120 bytes long.

    Example:
        >>> from facewise.curation.placing import safe_name
        >>> safe_name("../Zoë: A/B"), safe_name("con"), safe_name("Ann", {"ann"})
        ('Zoë_ A_B', 'con_', 'Ann (2)')
    """
    text = unicodedata.normalize("NFC", text)
    text = "".join("_" if c in _FORBIDDEN else c for c in text if c.isprintable())
    text = _shortened(" ".join(text.split()).lstrip("._ ").rstrip(". "), _MOST)
    text = text or otherwise
    if text.partition(".")[0].casefold() in _RESERVED:
        text = f"{text}_"
    name, number = text, 1
    while name.casefold() in taken:
        number += 1
        ending = f" ({number})"
        name = _shortened(text, _MOST - len(ending)) + ending
    return name


def _shortened(text: str, most: int) -> str:
    while len(text.encode(errors="surrogatepass")) > most:
        text = text[:-1]
    return text.rstrip(". ")
