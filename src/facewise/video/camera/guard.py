"""Who may use the page: only those who know its address, and only from the page itself."""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

SECRET_HEADER = "X-Facewise-Secret"  # noqa: S105 - a name, and no secret

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Lets requests through, or not.

    - The path begins with a token; without it there is nothing to be seen.
    - `Host` is an address of this machine, and not a name that somebody has let point here (DNS
      rebinding): an IP address, `localhost`, or a name of the machine itself.
    - `Origin`, where a browser sends it, is the page's own; so a page from elsewhere can neither
      send anything nor open the stream.
    - What changes something also needs a secret that only the page has.

    Args:
        host: the address that is listened on, a name of this machine too.
        token: of letters, digits, `-` and `_`, at least 16; None: a new one.

    Attributes:
        token: see above.
        secret: of the page.

    Raises:
        ValueError: the token is not of that form.
    """

    def __init__(self, host: str, token: str | None = None) -> None:
        if token is not None and not re.fullmatch(r"[A-Za-z0-9_-]{16,200}", token):
            raise ValueError("token: expected at least 16 letters, digits, - and _")
        self.token = token or secrets.token_urlsafe(16)
        self.secret = secrets.token_urlsafe(16)
        own = socket.gethostname().lower()
        self._names = {"localhost", host.lower(), own, f"{own}.local", socket.getfqdn().lower()}

    def knows(self, secret: object) -> bool:
        """Whether this is the secret of the page."""
        return isinstance(secret, str) and hmac.compare_digest(
            secret.encode(errors="replace"), self.secret.encode()
        )

    def allows_host(self, host: str) -> bool:
        """Whether a `Host` header names this machine."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        return True

    def allows_origin(self, request: web.Request) -> bool:
        """Whether a request comes from the page, or not from a browser."""
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        if site not in {"same-origin", "none"}:
            return False
        origin = request.headers.get("Origin")
        own = {f"{scheme}://{request.host}" for scheme in ("http", "https")}  # behind a proxy
        return origin is None or origin in own

    def middleware(self) -> Middleware:
        """For aiohttp: refuses requests, and adds headers to answers."""

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                self._check(request)
                response = await handler(request)
            except web.HTTPException as error:
                error.headers.update(_HEADERS)
                raise
            if not response.prepared:
                response.headers.update(_HEADERS)
            return response

        return guarded

    def _check(self, request: web.Request) -> None:
        if not self.allows_host(request.host):
            raise web.HTTPMisdirectedRequest(text="this is not a name of this machine\n")
        token = request.path.split("/")[1]
        if not hmac.compare_digest(token.encode(errors="replace"), self.token.encode()):
            raise web.HTTPNotFound(text="nothing here; use the address that facewise has written\n")
        changes = request.method not in {"GET", "HEAD"}
        if (changes or "Upgrade" in request.headers) and not self.allows_origin(request):
            raise web.HTTPForbidden(text="only the page itself may ask for this\n")
        if changes and not self.knows(request.headers.get(SECRET_HEADER)):
            raise web.HTTPForbidden(text="the secret of the page is missing; load it anew\n")
