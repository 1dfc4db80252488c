"""What ends a session from outside."""

from __future__ import annotations

import signal
import threading

import pytest

from facewise.video.camera.running import run_session


class Session:
    """One that is sent a signal as soon as it has begun."""

    def __init__(self, number):
        self.number, self.stopped = number, threading.Event()

    def start(self, *, record):
        assert signal.getsignal(self.number) != signal.SIG_DFL
        signal.raise_signal(self.number)

    def stop(self):
        self.stopped.set()

    def join(self):
        assert self.stopped.wait(10)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_end_a_session_in_order(name):
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip("no such signal here")
    before = signal.getsignal(number)
    session = Session(number)
    run_session(session, None, print)
    assert session.stopped.is_set()
    assert signal.getsignal(number) is before


def test_under_nohup_a_closed_terminal_ends_nothing():
    number = getattr(signal, "SIGHUP", None)
    if number is None:
        pytest.skip("no such signal here")
    before = signal.signal(number, signal.SIG_IGN)
    try:
        session = Session(number)
        session.stopped.set()
        run_session(session, None, print)
        assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)
