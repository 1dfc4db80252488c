"""A connection to Milvus whose errors name the gallery."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from facewise.errors import ExtraMissingError, GalleryError

WAIT = 60.0
"""Seconds for one call, before that is an error."""

_CONNECT = 10.0  # seconds


def needed(module: str) -> Any:
    """A module of the extra `milvus`.

    Raises:
        ExtraMissingError: it is not installed; says what to install.
    """
    if module == "pymilvus" and module not in sys.modules:  # nobody else uses it here
        for name in ("pymilvus", "milvus_lite"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what they log, our errors say
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = "milvus-lite" if module.startswith("milvus_lite") else "pymilvus"
        raise ExtraMissingError(
            f"a gallery in Milvus: needs {package}; pip install 'facewise[milvus]'"
        ) from error


class Connection:
    """A client that is shared by whoever uses the same engine.

    Args:
        client: a `pymilvus.MilvusClient`.
        name: what messages call it; no password.
        settle: makes what was written safe from a power cut, where it is ours to do so.
        release: gives the client back.
    """

    def __init__(
        self,
        client: Any,
        name: str,
        settle: Callable[[], None] = lambda: None,
        release: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self._client = client
        self._settle = settle
        self._release = client.close if release is None else release
        self._process = os.getpid()
        self._closed = False

    def call(self, method: str, *args: Any, timeout: float = WAIT, **options: Any) -> Any:
        """Let the client do something.

        Raises:
            GalleryError: it could not be done; names the gallery.
        """
        if os.getpid() != self._process:
            raise GalleryError(f"{self.name}: was opened by another process; open it here")
        if self._closed:
            raise GalleryError(f"{self.name}: was closed")
        with _errors(self.name):
            return getattr(self._client, method)(*args, timeout=timeout, **options)

    def is_lite(self) -> bool:
        """Whether Milvus Lite answers, not a Milvus of several services."""
        return "lite" in str(self.call("get_server_version")).lower()

    def settle(self) -> None:
        """Make what was written safe from a power cut, where it is ours to do so."""
        self._settle()

    def close(self) -> None:
        """Give the client back; twice is harmless."""
        if not self._closed and os.getpid() == self._process:
            self._closed = True
            self._release()


@contextmanager
def _errors(name: str) -> Iterator[None]:
    """Errors of Milvus in our words."""
    try:
        yield
    except Exception as error:
        kinds = (needed("pymilvus").MilvusException, needed("grpc").RpcError)
        if not isinstance(error, kinds):
            raise
        text = str(getattr(error, "message", "") or error).strip() or "no reason"
        raise GalleryError(f"{name}: Milvus says: {text.splitlines()[0]:.300}") from None


def connect(server: str, token: str, name: str) -> Connection:
    """Connect to a server.

    Args:
        server: its URI.
        token: or `user:password`, or empty.
        name: of the gallery, for messages.

    Raises:
        GalleryError: it does not answer, or refuses.
        ExtraMissingError: pymilvus is not installed.
    """
    pymilvus = needed("pymilvus")
    with _errors(name):
        client = pymilvus.MilvusClient(server, token=token, timeout=_CONNECT, dedicated=True)
    return Connection(client, name)
