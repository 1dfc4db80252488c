"""A folder of chips belongs to one way of cutting them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from facewise.errors import AlignError

if TYPE_CHECKING:
    from facewise.aligning.cutter import Cutter
    from facewise.aligning.drafts import Drafts

SETTINGS_FILE = ".facewise-align.json"
"""In the folder of chips: what they were cut with."""


def claim(out: Path, cutter: Cutter, suffix: str, drafts: Drafts) -> None:
    """Note in the folder what its chips are cut with, or make sure that it is the same.

    Raises:
        AlignError: its chips were cut with other settings.
        OSError: the folder cannot be written.
    """
    file = out / SETTINGS_FILE
    settings = {**cutter.settings, "suffix": suffix}
    content = json.dumps(settings, indent=1, sort_keys=True).encode()
    try:
        before = file.read_bytes()
    except FileNotFoundError:
        drafts.write(file, content)
        return
    if before != content:
        raise AlignError(
            f"{out}: holds chips that were cut with {_difference(before, settings)}; give another "
            f"folder, or remove it ({SETTINGS_FILE} has the settings)"
        )


def _difference(before: bytes, settings: dict[str, object]) -> str:
    """In what settings differ, in words."""
    words = {
        "detector": "another detector",
        "crop": "another crop",
        "faces": "another choice of faces",
        "suffix": "another suffix",
    }
    try:
        known = json.loads(before)
        now = json.loads(json.dumps(settings))
        other = [word for key, word in words.items() if known.get(key) != now[key]]
    except (ValueError, AttributeError, RecursionError):
        other = []
    return " and ".join(other) or "other settings"
