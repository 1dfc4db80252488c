"""Kinds of stores, for tests that look at processes and bytes and not only at the contract."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import pytest

import postgres_server
from facewise.gallery import ModelFacts, Store, open_store

KEY = base64.b64encode(bytes(range(32))).decode()  # a passphrase takes its time


@dataclass(frozen=True)
class Kind:
    """SQLite files.

    Attributes:
        key: of sealed galleries.
        kills: of processes in the quick tests.
    """

    key: str | None = None
    kills: int = 20

    def url(self, folder: Path, name: str = "people") -> str:
        """Of a gallery that is not there yet, where files are in a folder."""
        if self.key is not None:
            pytest.importorskip("cryptography", reason="cryptography is not installed")
        return f"sqlite:///{folder}/{name}.db"

    def open(self, url: str, create: ModelFacts | None = None) -> Store:
        return open_store(url, create, self.key)

    def impatient(self, url: str) -> Store:
        """One that waits only 0.05 s for others."""
        from facewise.gallery.stores.sqlite import open_store

        return open_store(url, key=self.key, wait=0.05)

    def held(self, store: Store, url: str) -> bytes | None:
        """What its files hold, if they are on this machine."""
        return b"".join(path.read_bytes() for path in store.files())

    def settle(self, url: str) -> None:
        """Wait until nothing is left of processes that were killed."""


@dataclass(frozen=True)
class PostgresKind(Kind):
    """Schemas in databases of their own."""

    def url(self, folder: Path, name: str = "people") -> str:
        if self.key is not None:
            pytest.importorskip("cryptography", reason="cryptography is not installed")
        return postgres_server.of_gallery(postgres_server.database_url(), name)

    def impatient(self, url: str) -> Store:
        from facewise.gallery.stores.postgres import open_store

        return open_store(url, key=self.key, wait=0.05)

    def held(self, store: Store, url: str) -> bytes | None:
        files = postgres_server.files_of(url)
        return b"".join(path.read_bytes() for path in files) if files else None

    def settle(self, url: str) -> None:
        postgres_server.settle(url)


KINDS = {
    "sqlite": Kind(),
    "sqlite-sealed": Kind(KEY),
    "postgres": PostgresKind(kills=12),
    "postgres-sealed": PostgresKind(KEY, kills=6),
}
