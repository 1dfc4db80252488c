"""Names of people as names of folders, on every system."""

from __future__ import annotations

import re
import unicodedata

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # Windows
_LONGEST = 80  # bytes


class FolderNames:
    """Gives every label a folder name of its own.

    What file systems refuse becomes `_`; of two names that some of them do not tell apart, the
    second gets a `-2`.
    """

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()

    def __call__(self, label: str) -> str:
        """The folder of a label."""
        if label not in self._given:
            wanted = _safe(label)
            name, number = wanted, 1
            while _key(name) in self._taken:
                number += 1
                name = f"{wanted}-{number}"
            self._taken.add(_key(name))
            self._given[label] = name
        return self._given[label]


def _safe(label: str) -> str:
    text = unicodedata.normalize("NFC", label)
    text = "".join(sign if sign.isprintable() else "_" for sign in text)
    text = _FORBIDDEN.sub("_", text)
    text = text.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore")
    text = text.strip(" .") or "_"
    return f"{text}_" if _RESERVED.fullmatch(text) else text


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
