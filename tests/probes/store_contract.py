"""What the tests of the contract of stores have in common; see `tests/gallery/contract`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import ArrayLike

from facewise.gallery import ModelFacts, NewFace, Store
from facewise.gallery import open_store as open_any_store
from milvus_server import server_port
from postgres_server import gallery_url

D = 64
FACTS = ModelFacts({"model": "probe.colour", "weights": "ab" * 32, "flip": True}, D)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40

KEY, NEW_KEY = bytes(range(32)), bytes(range(32, 64))


class SealedUrl(str):
    """Of a gallery that is sealed with `KEY`."""


STORES = {
    "sqlite": lambda folder: f"sqlite:///{folder}/people.db",
    "sqlite-sealed": lambda folder: SealedUrl(f"sqlite:///{folder}/people.db"),
    "postgres": lambda _: gallery_url(),
    "postgres-sealed": lambda _: SealedUrl(gallery_url()),
    "milvus": lambda folder: f"milvus:///{folder}/people",
    "milvus-server": lambda folder: (
        f"milvus://127.0.0.1:{server_port()}/p{uuid4().hex}?records={folder}/records.db"
    ),
    "milvus-postgres": lambda _: (
        f"milvus://127.0.0.1:{server_port()}/p{uuid4().hex}?records={gallery_url()}"
    ),
}
"""For each store a new URL, given an empty folder."""


def open_store(url: str | Path, create: ModelFacts | None = None) -> Store:
    """The store of a URL, with its key if it is sealed."""
    return open_any_store(url, create, KEY if isinstance(url, SealedUrl) else None)


def all_vectors(store: Store, **options: int) -> tuple[Any, ...]:
    """Face ids, person ids and vectors, each as one array."""
    blocks = list(store.vectors(**options))
    if not blocks:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, D), np.float32)
    return tuple(np.concatenate(parts) for parts in zip(*blocks, strict=True))


def picture(store: Store) -> tuple[Any, ...]:
    """Everything that can be read, for comparison."""
    people = store.people()
    faces = [face for person in people for face in store.faces(person.id)]
    ids, persons, vectors = all_vectors(store)
    return (
        *(people, faces, ids.tolist(), persons.tolist(), vectors.tobytes(), store.counts()),
        *(store.version(), [store.chip(face.id) for face in faces], store.audit()),
    )


def add(store: Store, name: str, vectors: ArrayLike, **fields: Any) -> tuple[int, list[int]]:
    """Add a person with faces; the numbers of both."""
    with store.change() as change:
        person = change.add_person(name, **fields)
        return person, list(change.add_faces(person, [NewFace(v) for v in vectors]))
