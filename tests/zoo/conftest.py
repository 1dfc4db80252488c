"""A real HTTP server on loopback that can misbehave in the ways servers do."""

from __future__ import annotations

import contextlib
import hashlib
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from facewise.zoo import ModelSpec, Weights, download

PIECE = 1 << 16


@dataclass
class Page:
    """What the server does with requests for one path.

    `cut` and `stall` hold, for each request in turn, after how many bytes the connection is closed
    or goes silent; requests beyond the list are answered in full.
    """

    body: bytes = b""
    status: int = 200
    etag: str | None = '"one"'
    ranges: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    length: bool = True
    cut: list[int] = field(default_factory=list)
    stall: list[int] = field(default_factory=list)
    pause: float = 0.0
    gate: threading.Event | None = None
    endless: bool = False


@dataclass
class Request:
    path: str
    range: str | None
    if_range: str | None
    status: int = 0
    sent: int = 0


class Server:
    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    def put(self, path: str, body: bytes = b"", **behaviour: Any) -> str:
        """Serve a `Page`; return its address."""
        self.pages[path] = Page(body, **behaviour)
        return f"http://127.0.0.1:{self._http.server_port}{path}"

    def close(self) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            page = server.pages.get(self.path, Page(status=404))
            request = Request(self.path, self.headers["Range"], self.headers["If-Range"])
            server.requests.append(request)
            if page.gate is not None:
                page.gate.wait(20)
            with contextlib.suppress(ConnectionError):
                self._answer(page, request)

        def _answer(self, page: Page, request: Request) -> None:
            start = self._start(page, request)
            request.status = 206 if start else page.status
            if start >= len(page.body) > 0:
                request.status = 416
            self.send_response(request.status)
            for key, value in page.headers.items():
                self.send_header(key, value)
            if request.status >= 300:
                self.end_headers()
                return
            body = page.body[start:]
            if page.etag:
                self.send_header("ETag", page.etag)
            if start:
                whole = len(page.body)
                self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
            if page.length and not page.endless:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            cut = page.cut.pop(0) if page.cut else len(body)
            stall = page.stall.pop(0) if page.stall else None
            while request.sent < cut or page.endless:
                if stall is not None and request.sent >= stall:
                    server.closing.wait(20)
                    return
                piece = body[request.sent : min(request.sent + PIECE, cut)] or bytes(PIECE)
                self.wfile.write(piece)
                request.sent += len(piece)
                time.sleep(page.pause)

        def _start(self, page: Page, request: Request) -> int:
            asked = re.fullmatch(r"bytes=(\d+)-", request.range or "")
            if not asked or not page.ranges or page.status != 200:
                return 0
            if request.if_range is not None and request.if_range != page.etag:
                return 0
            return int(asked[1])

    return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and no environment but this."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("FACEWISE_CACHE", str(folder))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("FACEWISE_OFFLINE", raising=False)
    monkeypatch.delenv("FACEWISE_WEIGHTS", raising=False)
    monkeypatch.setattr(download, "_PAUSE", 0.0)
    return folder


@pytest.fixture(scope="session")
def body() -> bytes:
    """A weight file of 1 MiB that no compression or repetition could pass for."""
    return random.Random(0).randbytes(1 << 20)


@pytest.fixture
def make_spec(body: bytes) -> Callable[..., ModelSpec]:
    def make(*urls: str, **changes: object) -> ModelSpec:
        known: dict[str, object] = {
            "filename": "probe.bin",
            "licence": "a licence in words",
            "training_set": "some pictures",
            "size": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "urls": urls,
        }
        weights = Weights(**(known | changes))  # type: ignore[arg-type]
        return ModelSpec(id="probe", task="detect", architecture="probe", weights=weights)

    return make
