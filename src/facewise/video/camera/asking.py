"""What the page can ask for, as HTTP requests with JSON in and out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web

from facewise.errors import FacewiseError

if TYPE_CHECKING:
    from facewise.video.camera.session import Session
    from facewise.video.camera.viewers import Viewers

LARGEST = 16 << 10
"""Bytes of a request."""


class Asking:
    """Handlers of requests; each answers with JSON, `{"error": text}` where it cannot be done.

    Args:
        session: what is asked.
        viewers: know which frame a viewer sees.
    """

    def __init__(self, session: Session, viewers: Viewers) -> None:
        self._session = session
        self._viewers = viewers

    async def enrol(self, request: web.Request) -> web.Response:
        """`{"track", "name", "portrait"}`: make somebody known.

        The answer: `{"name", "new", "remarks"}`.
        """
        asked = await _asked(request)
        track, name = asked.get("track"), asked.get("name")
        portrait = asked.get("portrait")
        if type(track) is not int:
            return _refused("no face is selected; click a face first")
        if not isinstance(name, str) or not name.strip():
            return _refused("the name is empty; type a name first")
        if portrait is not None and type(portrait) is not int:
            return _refused("portrait: expected a number")
        try:
            enrolled = await asyncio.wrap_future(self._session.enrol(track, name, portrait))
        except (FacewiseError, OSError) as error:
            return _refused(str(error))
        return web.json_response(
            {"name": enrolled.name, "new": enrolled.new, "remarks": list(enrolled.remarks)}
        )

    async def snapshot(self, request: web.Request) -> web.Response:
        """`{"viewer", "frame", "drawn"}`: save the frame that the viewer sees, or the newest.

        The answer: `{"file"}`.
        """
        asked = await _asked(request)
        viewer, frame = asked.get("viewer"), asked.get("frame")
        shown = None
        if type(viewer) is int and type(frame) is int:
            shown = self._viewers.seen_by(viewer, frame)
        drawn = asked.get("drawn", True) is True
        try:
            path = await asyncio.to_thread(self._session.snapshot, shown, drawn=drawn)
        except (FacewiseError, OSError) as error:
            return _refused(str(error))
        return web.json_response({"file": path.name})

    async def record(self, request: web.Request) -> web.Response:
        """`{"on", "drawn"}`: begin to record, or finish. The answer: `{"file"}`, or null."""
        asked = await _asked(request)
        try:
            if asked.get("on") is True:
                drawn = asked.get("drawn", True) is True
                path = await asyncio.to_thread(self._session.record, drawn=drawn)
                return web.json_response({"file": path.name})
            if asked.get("on") is False:
                ended = await asyncio.to_thread(self._session.end_recording)
                return web.json_response({"file": None if ended is None else ended.name})
        except (FacewiseError, OSError) as error:
            return _refused(str(error))
        return _refused("on: expected true or false")

    async def portrait(self, request: web.Request) -> web.Response:
        """The best picture of a face, as JPEG; its version is in the header `X-Portrait`."""
        portrait = self._session.portraits.of(int(request.match_info["track"]))
        if portrait is None:
            raise web.HTTPNotFound(text="this face is not there any more\n")
        content = await asyncio.to_thread(portrait.jpeg)
        headers = {"X-Portrait": str(portrait.version)}
        return web.Response(body=content, content_type="image/jpeg", headers=headers)

    async def saved(self, request: web.Request) -> web.StreamResponse:
        """A snapshot or recording that was made here."""
        path = self._session.saved(request.match_info["name"])
        if path is None or not path.is_file():
            raise web.HTTPNotFound(text="no such file was made here\n")
        return web.FileResponse(path)


async def _asked(request: web.Request) -> dict[str, Any]:
    try:
        content = await request.json()
    except (ValueError, LookupError, RecursionError, web.RequestPayloadError):
        content = None
    if request.content_type != "application/json" or not isinstance(content, dict):
        raise web.HTTPBadRequest(text="expected a JSON object\n")
    return content


def _refused(why: str) -> web.Response:
    return web.json_response({"error": why}, status=422)
