"""Those who look at the page: each gets the newest frame, as fast as it can take it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, WSMsgType, web

if TYPE_CHECKING:
    from facewise.video.camera.guard import Guard
    from facewise.video.camera.session import Session
    from facewise.video.camera.shown import Shown

MOST = 16
"""Viewers at a time."""

_AHEAD = 2
"""Frames that are on their way to a viewer, at most."""

_TICK = 0.2
"""Seconds between two looks at what has changed."""

_HELLO = 10.0
"""Seconds that a new viewer may take to say that it is the page."""

_BEAT = 15.0
"""Seconds after which a silent viewer is asked whether it is there."""

REFUSED = 4003
"""The code a stream is closed with, whose viewer does not know the secret of the page."""


class Viewers:
    """All viewers of a session; used in the event loop.

    The stream is a WebSocket. The page first sends `{"hello": SECRET}`, then `{"next": n}` whenever
    it has shown n more frames. It gets binary messages (`Shown.message`), and texts:
    `{"viewer": number}`, `{"state": …}` (`Session.state`) when that has changed, `{"events": […]}`.

    Args:
        session: what they look at.
        guard: knows the secret of the page.

    Attributes:
        count: how many there are.
        ever: how many there were.
    """

    def __init__(self, session: Session, guard: Guard) -> None:
        self._session = session
        self._guard = guard
        self._loop = asyncio.get_running_loop()
        self._pictures = ThreadPoolExecutor(1, "facewise-picture")
        self._new = asyncio.Event()
        self._here: dict[int, _Viewer] = {}
        self._coming = 0  # those who have not said yet that they are the page
        self.ever = 0
        session.on_frame = self._on_frame
        session.watched = lambda: bool(self._here)

    @property
    def count(self) -> int:
        """See the class."""
        return len(self._here)

    def seen_by(self, viewer: int, number: int) -> Shown | None:
        """The frame of this number, if it was sent to the viewer lately."""
        one = self._here.get(viewer)
        sent = () if one is None else one.sent
        return next((shown for shown in sent if shown.number == number), None)

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        """One viewer, from beginning to end."""
        if self.count + self._coming >= MOST:
            raise web.HTTPServiceUnavailable(text=f"there are {MOST} viewers already\n")
        socket = web.WebSocketResponse(heartbeat=_BEAT, compress=False, max_msg_size=4096)
        await socket.prepare(request)
        self._coming += 1
        try:
            greeted = await self._greeted(socket)
        finally:
            self._coming -= 1
        if not greeted:
            await socket.close(code=REFUSED, message=b"the secret of the page is missing")
            return socket
        self.ever += 1
        number, viewer = self.ever, _Viewer(self, socket)
        self._here[number] = viewer
        tasks = [asyncio.create_task(viewer.show()), asyncio.create_task(viewer.tell(number))]
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    viewer.shown(message.data)
        finally:
            del self._here[number]
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError, ConnectionError, RuntimeError):
                    await task
        return socket

    async def end(self) -> None:
        """Tell everybody that it is over."""
        for viewer in list(self._here.values()):
            with suppress(Exception):
                await asyncio.wait_for(viewer.finish(), 1)
        self._pictures.shutdown(wait=False, cancel_futures=True)

    async def after(self, number: int) -> Shown:
        """The newest frame, as soon as there is one after this."""
        while True:
            self._new.clear()
            latest = self._session.latest
            if latest is not None and latest.number > number:
                return latest
            await self._new.wait()

    async def message_of(self, shown: Shown) -> bytes:
        """The message of a frame, made aside."""
        return await self._loop.run_in_executor(self._pictures, shown.message)

    def news(self, number: int) -> tuple[str, list[dict[str, Any]]]:
        """The state as JSON, and the events after this number."""
        state = {**self._session.state(), "viewers": self.count}
        return json.dumps(state), self._session.events.since(number)

    def _on_frame(self) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._new.set)

    async def _greeted(self, socket: web.WebSocketResponse) -> bool:
        try:
            hello = await asyncio.wait_for(socket.receive_json(), _HELLO)
            return self._guard.knows(hello.get("hello"))
        except (ValueError, TypeError, AttributeError, RecursionError, asyncio.TimeoutError):
            return False


class _Viewer:
    """One of them.

    Attributes:
        sent: the last frames that were sent.
    """

    def __init__(self, viewers: Viewers, socket: web.WebSocketResponse) -> None:
        self._viewers = viewers
        self._socket = socket
        self._free = asyncio.Semaphore(_AHEAD)
        self._under_way = 0
        self.sent: deque[Shown] = deque(maxlen=_AHEAD + 1)
        self._state, self._event = "", 0

    def shown(self, text: str) -> None:
        """The viewer says that it has shown frames."""
        try:
            count = int(json.loads(text)["next"])
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return
        for _ in range(min(max(count, 0), self._under_way)):
            self._under_way -= 1
            self._free.release()

    async def show(self) -> None:
        """Send frames, each time the newest, as long as the viewer shows them."""
        number = 0
        while True:
            await self._free.acquire()
            self._under_way += 1
            shown = await self._viewers.after(number)
            number = shown.number
            message = await self._viewers.message_of(shown)
            self.sent.append(shown)
            del shown
            await self._socket.send_bytes(message)

    async def tell(self, number: int) -> None:
        """Send the state and events, as they change."""
        await self._socket.send_json({"viewer": number})
        while True:
            await self._news()
            await asyncio.sleep(_TICK)

    async def finish(self) -> None:
        """Send what is left, and close."""
        await self._news()
        await self._socket.close(code=WSCloseCode.GOING_AWAY, message=b"the camera has ended")

    async def _news(self) -> None:
        state, events = self._viewers.news(self._event)
        if state != self._state:
            self._state = state
            await self._socket.send_str(f'{{"state": {state}}}')
        if events:
            self._event = events[-1]["number"]
            await self._socket.send_json({"events": events})
