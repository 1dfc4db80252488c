"""A vector as pgvector sends and receives it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import psycopg

    from facewise.gallery.records import ModelFacts, Vectors
    from facewise.gallery.vector_form import VectorForm


class Probe(bytes):
    """A vector, to be sent as one."""


def teach(connection: psycopg.Connection[Any], oid: int) -> None:
    """Let a connection send a `Probe`.

    Args:
        connection: to a database.
        oid: of the type `vector` there.
    """
    from psycopg.adapt import Dumper
    from psycopg.pq import Format

    class ProbeDumper(Dumper):
        format = Format.BINARY

        def dump(self, obj: Probe) -> bytes:
            return bytes(obj)

    ProbeDumper.oid = oid
    connection.adapters.register_dumper(Probe, ProbeDumper)


_HEAD = struct.Struct(">hh")  # the number of numbers, and 0


class PgvectorForm:
    """The binary form of the type `vector`: a head, then float32, big-endian; see `VectorForm`.

    Args:
        dimension: d.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._head = _HEAD.pack(dimension, 0)

    def encode(self, face_ids: Sequence[int], vectors: Vectors) -> list[bytes]:  # noqa: ARG002
        """See `VectorForm.encode`."""
        return self.values(vectors)

    def values(self, vectors: Vectors) -> list[bytes]:
        """Vectors, (n, d), one by one as they are sent."""
        return [self._head + vector.tobytes() for vector in vectors.astype(">f4")]

    def decode(self, face_ids: Sequence[int], blobs: Sequence[bytes]) -> tuple[Vectors, list[int]]:
        """See `VectorForm.decode`."""
        size, head = len(self._head) + 4 * self._dimension, self._head
        good = [len(blob) == size and blob.startswith(head) for blob in blobs]
        bad = [face_id for face_id, whole in zip(face_ids, good, strict=True) if not whole]
        whole = b"".join(blob for blob, is_good in zip(blobs, good, strict=True) if is_good)
        numbers = np.frombuffer(whole, ">f4").reshape(-1, 1 + self._dimension)[:, 1:]
        return numbers.astype(np.float32), bad  # a copy, whose bytes are in this machine's order


def in_pgvector(identity: str, facts: ModelFacts) -> VectorForm:  # noqa: ARG001
    """The form for any store."""
    return PgvectorForm(facts.embedding_size)
