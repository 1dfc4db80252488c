"""A folder of chips belongs to one way of cutting them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facewise.errors import AlignError

if TYPE_CHECKING:
    from facewise.aligning.cutter import Cutter
    from facewise.aligning.drafts import Drafts

SETTINGS_FILE = ".facewise-align.json"
"""In the folder of chips: what they were cut with."""


_PHOTOS = "photos"


def claim(
    out: Path, cutter: Cutter, suffix: str, drafts: Drafts, origin: Path | None = None
) -> None:
    """Note in the folder what its chips are cut with and from, or make sure that it is the same.

    Raises:
        AlignError: its chips were cut with other settings, or are those of another folder.
        OSError: the folder cannot be written.
    """
    file = out / SETTINGS_FILE
    # As it would be after it was read again: with lists for tuples.
    settings = json.loads(json.dumps({**cutter.settings, "suffix": suffix}))
    photos = None if origin is None else os.path.realpath(origin)
    before = _before(file)
    if before is not None:
        known = before.pop(_PHOTOS, None)
        if before != settings:
            raise AlignError(
                f"{out}: holds chips that were cut with {_difference(before, settings)}; give "
                f"another folder, or remove it ({SETTINGS_FILE} has the settings)"
            )
        if photos is not None and known not in (None, photos):
            raise AlignError(
                f"{out}: holds the chips of {known}, not of {origin}; give another folder, or, if "
                f"these are the same photos in a new place, remove {out / SETTINGS_FILE}"
            )
        if photos is None or known == photos:
            return
    noted = settings if photos is None else {**settings, _PHOTOS: photos}
    drafts.write(file, json.dumps(noted, indent=1, sort_keys=True).encode())


def _before(file: Path) -> dict[str, Any] | None:
    """What an earlier run has noted; None: there was none."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    try:
        noted = json.loads(content)
    except (ValueError, RecursionError):
        noted = None
    return noted if isinstance(noted, dict) else {}


def _difference(before: dict[str, Any], settings: dict[str, Any]) -> str:
    """In what settings differ, in words."""
    words = {
        "detector": "another detector",
        "crop": "another crop",
        "faces": "another choice of faces",
        "suffix": "another suffix",
    }
    other = [word for key, word in words.items() if key in before and before[key] != settings[key]]
    return " and ".join(other) or "other settings"
