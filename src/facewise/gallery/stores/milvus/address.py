"""Where the vectors and the records of a gallery are, from its URL."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from facewise.errors import GalleryError

TOKEN = "FACEWISE_MILVUS_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable for a token, or `user:password`, that the URL does not have."""

COLLECTION = "faces"
"""The collection of a folder."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a gallery is.

    Attributes:
        url: of the gallery, without a password.
        folder: of an embedded engine and its records; None: a server.
        server: URI of the server; empty for a folder.
        token: for the server, or empty.
        collection: its name in the engine.
        records: URL or path of the ledger.
    """

    url: str
    folder: Path | None
    server: str
    token: str
    collection: str
    records: str

    def __repr__(self) -> str:
        return f"Address({self.url!r})"  # never the token


def parse(url: str) -> Address:
    """Read a URL; see `open_store`.

    Raises:
        GalleryError: it is none; says what was expected.
    """
    rest = url[len("milvus://") :]
    if rest.startswith("/"):
        return _folder(url, rest[1:])
    return _server(rest)


def _folder(url: str, path: str) -> Address:
    if not path or "\0" in path:
        raise GalleryError(f"gallery {url!r:.60}: expected milvus:/// and the path of a folder")
    folder = Path(path)
    records = folder / "records.db"
    return Address(f"milvus:///{path}", folder, "", "", COLLECTION, str(records))


def _server(rest: str) -> Address:
    place, _, records = rest.partition("?records=")
    shown = place.rpartition("@")[2]
    wanted = "expected milvus://HOST:PORT/NAME?records=PATH or ?records=postgresql://…"
    options = ""
    if "?" in place:
        place, _, options = place.partition("?")
        options, _, records = options.partition("&records=")
        shown = place.rpartition("@")[2]
    try:
        parts = urlsplit(f"milvus://{place}")
        port = parts.port or 19530
    except ValueError:
        raise GalleryError(f"gallery milvus://{shown}: {wanted}") from None
    name = parts.path.removeprefix("/")
    if not parts.hostname or not _NAME.fullmatch(name) or not records:
        raise GalleryError(f"gallery milvus://{shown}: {wanted}")
    given = dict(parse_qsl(options, keep_blank_values=True))
    secure = given.pop("tls", "false").lower()
    if given or secure not in ("true", "false"):
        raise GalleryError(
            f"gallery milvus://{shown}: expected no options but tls=true, and records as the last"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    token = ":".join(filter(None, (user, password))) or os.environ.get(TOKEN, "")
    return Address(
        url=f"milvus://{host}:{port}/{name}",
        folder=None,
        server=f"{'https' if secure == 'true' else 'http'}://{host}:{port}",
        token=token,
        collection=name,
        records=records,
    )
