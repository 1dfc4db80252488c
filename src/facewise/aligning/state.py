"""What there is already at the place of a chip."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from facewise.aligning.chip_file import ChipFacts, facts_of, is_spoilt
from facewise.aligning.places import size_of

if TYPE_CHECKING:
    from facewise.aligning.places import Task


def there(path: Path, task: Task) -> ChipFacts | None:
    """The facts of a photo's chip, if all of its chips are there and as they would be cut now.

    Args:
        path: of the chip; of several, of the first one, which is written last.
        task: the photo.
    """
    try:
        made = path.stat()
        if made.st_mtime_ns < task.photo.file.stat().st_mtime_ns:
            return None
        facts = facts_of(path)
    except (OSError, ValueError):
        return None
    if facts is None or facts.source != task.source or facts.bytes != size_of(task.photo):
        return None
    if not all(other.exists() for other in further(path, facts.cut)):
        return None
    return facts


def further(path: Path, count: int) -> list[Path]:
    """The other chips of a photo, by the first one: `a_0.png` has `a_1.png` and so on."""
    stem = path.stem.removesuffix("_0")
    return [path.with_name(f"{stem}_{face}{path.suffix}") for face in range(1, count)]


def obstacle(path: Path) -> str | None:
    """Why nothing can be written at a place: something is there that is no chip; or None."""
    try:
        if path.is_dir():
            return f"{path}: is a folder"
        if not path.exists():
            return None
    except (OSError, ValueError):
        return None  # whoever writes there hears what is wrong
    with suppress(OSError, ValueError):
        if _is_ours(path):
            return None
    return f"{path}: is there, and facewise has not cut it; it is not replaced"


def _is_ours(path: Path) -> bool:
    try:
        return facts_of(path) is not None
    except (OSError, ValueError):
        return is_spoilt(path)
