"""Names and texts of a gallery: which are taken, and when two names are the same."""

from __future__ import annotations

import re
import unicodedata

from facewise.errors import GalleryError

LONGEST_NAME = 500
"""Characters of a name."""

LONGEST_TEXT = 100_000
"""Characters of notes, a consent, a source or a detail."""

_STRANGER = "unknown"  # `recognition.UNKNOWN`, which is not imported: it would bring PyTorch
_NUMBER = re.compile("#[0-9]+")
_REFUSED = {"Cc": "control character", "Cs": "half of a character", "Zl": "line break"}
_REFUSED["Zp"] = _REFUSED["Zl"]


def checked_name(name: str) -> str:
    """A name as a gallery keeps it: in Unicode's normal form C, without blanks at its ends.

    Raises:
        GalleryError: the name is empty, longer than `LONGEST_NAME`, what strangers are called, like
            a number (`#12`), or has control characters, line breaks or halves of characters
            (undecodable file names have them).

    Example:
        >>> from facewise.gallery.names import checked_name
        >>> checked_name(" Zoe\u0308 ") == "Zo\u00eb"
        True
    """
    if not isinstance(name, str):
        raise GalleryError(f"name: expected text, got {name!r:.60}")
    kept = unicodedata.normalize("NFC", name).strip()
    if not kept:
        raise GalleryError(f"name {name!r:.60}: expected at least one character")
    if len(kept) > LONGEST_NAME:
        raise GalleryError(
            f"name {kept[:20]!r}…: expected at most {LONGEST_NAME} characters, got {len(kept)}"
        )
    for character in kept:
        what = _REFUSED.get(unicodedata.category(character))
        if what is not None:
            raise GalleryError(f"name {kept!r:.60}: has a {what}, {character!r}")
    if _NUMBER.fullmatch(kept):
        raise GalleryError(f"name {kept!r:.60}: is how the number of a person is written")
    if name_key(kept) == _STRANGER:
        raise GalleryError(f"name {kept!r}: is what strangers are called; choose another")
    return kept


def name_key(name: str) -> str:
    """What is equal for two names exactly when they are the same name.

    Canonical caseless matching of the Unicode standard (3.13, D145), after blanks at the ends are
    taken away.

    Example:
        >>> from facewise.gallery.names import name_key
        >>> name_key("STRASSE") == name_key(" Straße")
        True
    """
    decomposed = unicodedata.normalize("NFD", name.strip())
    return unicodedata.normalize("NFD", decomposed.casefold())


def checked_text(what: str, text: str) -> str:
    """A text that every store can keep: any characters but NUL and halves of characters.

    Args:
        what: it is, for the message: "notes".
        text: as given.

    Raises:
        GalleryError: it is no such text, or longer than `LONGEST_TEXT`.
    """
    if not isinstance(text, str):
        raise GalleryError(f"{what}: expected text, got {text!r:.60}")
    if len(text) > LONGEST_TEXT:
        raise GalleryError(
            f"{what}: expected at most {LONGEST_TEXT:,} characters, got {len(text):,}"
        )
    for character in text:
        if character == "\0" or unicodedata.category(character) == "Cs":
            raise GalleryError(f"{what} {text!r:.60}: has a character that cannot be kept")
    return text
