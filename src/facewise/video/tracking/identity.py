"""Who is on a track."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Identity:
    """A number from 1 on; None until it is decided.

    Faces on frames that are not given yet refer to it, so that it may be decided later.
    """

    number: int | None = None
