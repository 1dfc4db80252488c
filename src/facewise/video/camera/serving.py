"""The page of a camera: an HTTP server beside the thread that watches."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facewise.errors import FacewiseError
from facewise.video.extra import needed

if TYPE_CHECKING:
    from aiohttp import web

    from facewise.video.camera.guard import Guard
    from facewise.video.camera.session import Session
    from facewise.video.camera.viewers import Viewers

_PAGE = Path(__file__).with_name("page")

_KINDS = {
    "index.html": "text/html",
    "camera.css": "text/css",
    "camera.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}

_GRACE = 5.0
"""Seconds without a viewer after which the last one has gone, and does not load the page anew."""

_TICK = 0.1

PORT = 8460
"""The port that is taken when it is free."""


@dataclass(frozen=True, slots=True)
class PageOptions:
    """How the page is served.

    Attributes:
        host: the address to listen on.
        port: of it; None: `PORT`, or any that is free.
        token: that the page's address has; None: a new one.
        with_page: end when the last viewer has closed the page.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    token: str | None = None
    with_page: bool = False

    @property
    def is_local(self) -> bool:
        """Only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


async def serve(session: Session, options: PageOptions, ready: Callable[[str], object]) -> None:
    """Serve the page until the session has ended.

    Args:
        session: has begun.
        options: how.
        ready: is given the address of the page when it can be loaded.

    Raises:
        FacewiseError: it cannot listen there.
        ExtraMissingError: aiohttp is not installed.
        ValueError: the token is not of its form.
    """
    web = needed("aiohttp.web", "the page of a camera")
    from facewise.video.camera.complaints import LOG
    from facewise.video.camera.guard import Guard
    from facewise.video.camera.viewers import Viewers

    guard = Guard(options.host, options.token)
    viewers = Viewers(session, guard)
    runner = web.AppRunner(
        application(session, guard, viewers), access_log=None, logger=LOG, shutdown_timeout=1.0
    )
    await runner.setup()
    try:
        port = await _listen(runner, options)
        ready(f"http://{_shown(options.host)}:{port}/{guard.token}/")
        left = 0.0
        while not session.done.is_set():
            await asyncio.sleep(_TICK)
            left = left + _TICK if viewers.ever and not viewers.count else 0.0
            if options.with_page and left >= _GRACE:
                session.stop()
    finally:
        await viewers.end()
        await runner.cleanup()


def application(session: Session, guard: Guard, viewers: Viewers) -> web.Application:
    """The routes of the page."""
    from aiohttp import web

    from facewise.video.camera.asking import LARGEST, Asking

    asking = Asking(session, viewers)
    files = {
        name: (_PAGE / name).read_text(encoding="utf-8").replace("{{secret}}", guard.secret)
        for name in _KINDS
    }

    async def page(request: web.Request) -> web.Response:
        name = request.match_info.get("file", "index.html")
        return web.Response(text=files[name], content_type=_KINDS[name], charset="utf-8")

    async def with_slash(_request: web.Request) -> web.Response:
        raise web.HTTPFound(f"{guard.token}/")

    app = web.Application(middlewares=[guard.middleware()], client_max_size=LARGEST)
    base = f"/{guard.token}"
    app.add_routes(
        [
            web.get(base, with_slash),
            web.get(f"{base}/", page),
            *(web.get(f"{base}/{{file:{re.escape(name)}}}", page) for name in _KINDS),
            web.get(f"{base}/live", viewers.stream),
            web.get(f"{base}/portrait/{{track:[0-9]{{1,15}}}}", asking.portrait),
            web.get(f"{base}/saved/{{name}}", asking.saved),
            web.post(f"{base}/enrol", asking.enrol),
            web.post(f"{base}/snapshot", asking.snapshot),
            web.post(f"{base}/record", asking.record),
        ]
    )
    return app


async def _listen(runner: web.AppRunner, options: PageOptions) -> int:
    from aiohttp import web

    ports = [PORT, 0] if options.port is None else [options.port]
    for port in ports:
        try:
            await web.TCPSite(runner, options.host, port).start()
        except (OSError, OverflowError) as error:
            if port == ports[-1]:
                text = getattr(error, "strerror", None) or str(error)
                raise FacewiseError(
                    f"{options.host}:{PORT if options.port is None else port}: cannot be listened "
                    f"on ({text}); choose another --host or --port"
                ) from error
        else:
            break
    return int(runner.addresses[0][1])


def _shown(host: str) -> str:
    """A host as it is written in an address."""
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - where it listens is the user's choice
        import socket

        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
