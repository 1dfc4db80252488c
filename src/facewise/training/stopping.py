"""SIGINT and SIGTERM as a wish that is granted between two steps, when nothing is half done."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class TrainingInterrupted(SystemExit):
    """A training was stopped by a signal, and saved itself first.

    Where nobody catches it, the process ends with the status that a shell expects: 130 after
    SIGINT, 143 after SIGTERM.

    Attributes:
        signal: its number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.signal = number

    def __str__(self) -> str:
        return f"stopped by {signal.Signals(self.signal).name}, and saved"


class Stopping:
    """While it is entered, signals are noted instead of obeyed; a second interrupt is obeyed.

    Outside the main thread, where Python knows no signals, nothing is changed.

    Attributes:
        signal: the number of the signal that came, or 0.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stopping:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.signal and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number


def ignore_signals(worker: int) -> None:  # noqa: ARG001
    """For processes that load pictures: whoever interrupts the training means their parent."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
