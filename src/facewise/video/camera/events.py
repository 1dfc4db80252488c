"""What happens at a camera, for people and machines."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

Event = dict[str, Any]
"""Plain values: `number`, from 1 on; `at`, the local time in ISO 8601; `event`, what happened; and
the facts of that."""


class Events:
    """The last events, in order; it may be used in several threads.

    Args:
        tell: is given each event as it happens, one at a time. What it raises is kept in `failure`,
            and it is not called any more.
        keep: events at most that are remembered.

    Attributes:
        failure: why nobody is told any more, or None.
    """

    def __init__(self, tell: Callable[[Event], object] | None = None, keep: int = 200) -> None:
        self._tell = tell
        self._last: deque[Event] = deque(maxlen=keep)
        self._count = 0
        self._lock = threading.Lock()
        self.failure: Exception | None = None

    def add(self, event: str, **facts: Any) -> None:
        """Something has happened."""
        with self._lock:
            self._count += 1
            at = datetime.now().astimezone().isoformat(timespec="milliseconds")
            content = {"number": self._count, "at": at, "event": event, **facts}
            self._last.append(content)
            if self._tell is not None:
                try:
                    self._tell(content)
                except Exception as error:
                    self._tell, self.failure = None, error

    def since(self, number: int) -> list[Event]:
        """Those that came after the one of this number, and are remembered."""
        with self._lock:
            return [event for event in self._last if event["number"] > number]
