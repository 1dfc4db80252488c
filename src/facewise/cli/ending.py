"""Being asked to end, as by `kill` or a closed terminal, leaves no half files either."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = tuple(
    int(getattr(signal, name)) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)


@contextmanager
def tidy_end() -> Iterator[None]:
    """While it is entered, SIGTERM and SIGHUP raise `SystemExit`, so that drafts are removed.

    The status is that which a shell expects: 143 after SIGTERM, 129 after SIGHUP. A signal that is
    ignored, as SIGHUP under `nohup`, stays so. Outside the main thread, where Python knows
    no signals, nothing is changed.
    """
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            if signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    for each in _SIGNALS:  # once: what is tidied up is not to be interrupted
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)
