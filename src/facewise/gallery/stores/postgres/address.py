"""Where a gallery is: a database, and a schema in it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from facewise.errors import GalleryError

DEFAULT = "facewise"
"""The schema of a gallery whose URL names none."""

_OURS = "gallery"
_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,62}")
_RESERVED = re.compile(r"pg_.*|public|information_schema")
_PLACE = ("user", "host", "hostaddr", "port", "dbname")
_PLAIN = re.compile(r"[^\s@?#]*")


@dataclass(frozen=True, slots=True)
class Address:
    """Of a gallery.

    Attributes:
        parameters: for libpq; may have a password, and so are in no `repr`.
        schema: a name that needs no quotes.
        url: for messages: user, host, port, database and schema.
    """

    parameters: dict[str, Any] = field(repr=False)
    schema: str
    url: str

    def lock(self, purpose: str) -> int:
        """The number of an advisory lock that all who use this gallery take for a purpose."""
        digest = hashlib.sha256(f"facewise\0{purpose}\0{self.schema}".encode()).digest()
        return int.from_bytes(digest[:8], "little", signed=True)


def parsed(url: str) -> Address:
    """Understand a URL.

    Args:
        url: `postgresql://user@host:port/database?gallery=NAME`, where everything may be left out
            but the scheme; and whatever else libpq takes (`sslmode`, `target_session_attrs`,
            several hosts). A password that is not in it comes from PGPASSWORD or `~/.pgpass`.

    Raises:
        GalleryError: it is none; shows nothing of it that may be a password.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    plain, _, query = url.partition("?")
    others, galleries = [], []
    for part in query.split("&") if query else []:
        key, _, value = part.partition("=")
        if key == _OURS:
            galleries.append(unquote(value))
        else:
            others.append(part)
    schema = galleries[0] if galleries else DEFAULT
    if len(galleries) > 1 or not _SCHEMA.fullmatch(schema) or _RESERVED.fullmatch(schema):
        raise GalleryError(
            f"gallery postgresql://…?{_OURS}={schema:.70}: expected one name of up to 63 small "
            "letters, digits and underscores, which begins with a letter and not with pg_"
        )
    try:
        # libpq's own words would show parts of the URL.
        parameters = conninfo_to_dict("?".join([plain, "&".join(others)] if others else [plain]))
    except ProgrammingError:
        raise _bad() from None
    place = {key: str(parameters.get(key) or "") for key in _PLACE}
    # Signs of a password that was not escaped, of which libpq took a part for something else.
    ports = place["port"].split(",")
    if not all(map(_PLAIN.fullmatch, place.values())) or not all(
        port.isdigit() or not port for port in ports
    ):
        raise _bad()
    shown = "postgresql://" + (f"{place['user']}@" if place["user"] else "")
    shown += place["host"] or place["hostaddr"]
    shown += f":{place['port']}" if place["port"] else ""
    shown += f"/{place['dbname']}" if place["dbname"] else ""
    shown += f"?{_OURS}={schema}" if galleries else ""
    return Address(dict(parameters), schema, shown)


def _bad() -> GalleryError:
    return GalleryError(
        "gallery postgresql://…: expected postgresql://user@host:port/database?gallery=NAME, with "
        "special characters of a password as %XX"
    )
