"""Run a session until it ends, by itself, by Ctrl-C, or with its terminal."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facewise.video.camera.serving import PageOptions
    from facewise.video.camera.session import Session


def run_session(
    session: Session,
    page: PageOptions | None,
    ready: Callable[[str], object],
    *,
    record: bool = False,
) -> None:
    """Watch, and serve the page, until the end; recordings are finished then.

    Args:
        session: that has not begun.
        page: how the page is served; None: there is none.
        ready: is given the address of the page.
        record: from the beginning.

    Raises:
        Whatever ended the session; see also `serving.serve`.
    """
    with _ended_by_signals(session):
        session.start(record=record)
        try:
            if page is not None:
                from facewise.video.camera.serving import serve

                asyncio.run(serve(session, page, ready))
        except BaseException:
            session.stop()
            raise
        finally:
            if page is not None:
                session.stop()
            session.join()


@contextmanager
def _ended_by_signals(session: Session) -> Iterator[None]:
    """Ctrl-C, being asked to end, or a closed terminal ends the session.

    A second one interrupts the program.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}
    ending = [int(signal.SIGINT), int(signal.SIGTERM)]
    closed = getattr(signal, "SIGHUP", None)  # the terminal was
    if closed is not None and signal.getsignal(closed) == signal.SIG_DFL:  # and not under nohup
        ending.append(int(closed))

    def end(number: int, _: object) -> None:
        signal.signal(number, before[number])
        threading.Thread(target=session.stop, name="facewise-stop", daemon=True).start()

    for number in ending:
        before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
