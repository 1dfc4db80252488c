"""A PostgreSQL server for tests, on this machine only, until this process ends; or none."""

from __future__ import annotations

import atexit
import os
import time
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from bench.contest import UnavailableError
from bench.postgres import Server, serving

# Nothing is lost where a client is killed: only where the machine is.
_QUICK = {"fsync": "off", "max_connections": "50"}


@cache
def _started() -> Server | str:
    stack = ExitStack()
    try:
        server = stack.enter_context(serving(_QUICK))
    except UnavailableError as error:
        return str(error)
    atexit.register(stack.close)
    return server


def server() -> Server:
    """The server, or a skip with its reason."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    found = _started()
    if isinstance(found, str):
        pytest.skip(found)
    return found


def gallery_url() -> str:
    """The URL of a gallery that is not there yet; or a skip with its reason."""
    return of_gallery(server().url)


def of_gallery(url: str, name: str | None = None) -> str:
    """The URL of a gallery in a database, by default of a new one."""
    name = name or f"g{uuid4().hex}"
    return f"{url}{'&' if '?' in url else '?'}gallery={name}"


def database_url() -> str:
    """The URL of a new database; or a skip with its reason."""
    import psycopg

    url = server().url
    name = f"d{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{name}"))


def plain(url: str) -> str:
    """A URL without the gallery, as psycopg takes it."""
    return url.partition("?gallery=")[0].partition("&gallery=")[0]


def files_of(url: str) -> list[Path]:
    """The files of a database, with all that was committed; none if they are not on this machine.

    Without the server's log of writes, which holds for a while whatever was written.
    """
    import psycopg

    data = server().data
    if data is None:
        return []
    with psycopg.connect(plain(url), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        sql = "SELECT oid FROM pg_database WHERE datname = current_database()"
        ((number,),) = connection.execute(sql).fetchall()
    folder = data / "base" / str(number)
    # `pg_…` come and go, and have nothing of tables; what is empty is about to go.
    sizes = {}
    for entry in os.scandir(folder):
        with suppress(FileNotFoundError):
            sizes[entry.name] = entry.stat().st_size
    return [folder / name for name, size in sizes.items() if size and name[0].isdigit()]


def settle(url: str) -> None:
    """Wait until the server has noticed that clients were killed."""
    import psycopg

    sql = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    with psycopg.connect(plain(url), autocommit=True) as connection:
        while connection.execute(sql).fetchall() != [(0,)]:
            time.sleep(0.01)
