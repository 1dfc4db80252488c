"""Vectors in Milvus Lite, in blocks that are written anew to erase some of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import GalleryError
from facewise.gallery.stores.milvus.engine import KEY, Engine, Named, Turn
from facewise.gallery.stores.milvus.keys import faces_of

if TYPE_CHECKING:
    from facewise.gallery.records import Ids, Vectors

FACES = 4096
"""Numbers of faces whose vectors are in one partition: what is written anew to erase one."""

_UNFLUSHED = 512  # vectors in Milvus Lite's log, which make every search slower
_NAME = re.compile(r"faces_([0-9]+)_([0-9]+)")


class LiteEngine(Engine):
    """Vectors in partitions by the numbers of their faces.

    Milvus Lite keeps the bytes of what was deleted, and has no compaction that one can ask for. So
    nothing is deleted here: to erase, the partition is written anew without it, and the old one is
    dropped, whose files Milvus Lite removes. There is no index: search is exact, and the copies
    that an index keeps beside the vectors would double disk and memory.
    """

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._waiting = 0

    def keys(self) -> Ids:
        """See `Engine.keys`."""
        parts = [self._held(names) for names in self._partitions().values()]
        return np.unique(np.concatenate([np.empty(0, np.int64), *parts]))

    def erase(self, named: Named, turn: Turn) -> None:
        """See `Engine.erase`; no file holds it afterwards."""
        for block in self._partitions():
            with turn():  # one at a time, so that others need not wait for all
                names = self._partitions().get(block, [])
                keep = named(block * FACES, (block + 1) * FACES)
                # Not by how many there are: one may be lost, and another nobody's.
                if len(names) != 1 or not np.array_equal(self._held(names), keep):
                    self._write_anew(block, names, keep)

    def _insert(self, keys: Ids, vectors: Vectors) -> None:
        there = self._partitions()
        blocks = faces_of(keys) // FACES
        for block in np.unique(blocks).tolist():
            name = there[block][-1] if block in there else self._new_partition(block, 0)
            own = blocks == block
            self._put(keys[own], vectors[own], partition_name=name)
        self._waiting += len(keys)
        if self._waiting >= _UNFLUSHED:
            self._flush()

    def _write_anew(self, block: int, old: list[str], keep: Ids) -> None:
        keys, vectors = self.read(keep)
        if len(keys):
            latest = max((_parsed(name)[1] for name in old), default=-1)
            new = self._new_partition(block, latest + 1)
            self._put(keys, vectors, partition_name=new)
            self._flush()
            if self._has(new) != len(keys):
                raise GalleryError(f"{self._connection.name}: Milvus did not keep all vectors")
            self._connection.settle()
        for name in old:
            self._call("drop_partition", partition_name=name)
        self._connection.settle()

    def _flush(self) -> None:
        self._call("flush")
        self._waiting = 0

    def _held(self, partitions: list[str]) -> Ids:
        """The keys of the vectors in some partitions, sorted."""
        rows = self._call(
            "query", filter=f"{KEY} >= 0", output_fields=[KEY], partition_names=partitions
        )
        return np.unique(np.array([row[KEY] for row in rows], np.int64))

    def _has(self, partition: str) -> int:
        return int(self._call("get_partition_stats", partition_name=partition)["row_count"])

    def _new_partition(self, block: int, version: int) -> str:
        name = f"faces_{block}_{version}"
        self._call("create_partition", partition_name=name)
        return name

    def _partitions(self) -> dict[int, list[str]]:
        """The partitions of each block, the oldest first; several after an interrupted `erase`."""
        names = [name for name in self._call("list_partitions") if _NAME.fullmatch(name)]
        found: dict[int, list[str]] = {}
        for name in sorted(names, key=_parsed):
            found.setdefault(_parsed(name)[0], []).append(name)
        return found


def _parsed(name: str) -> tuple[int, int]:
    match = _NAME.fullmatch(name)
    assert match is not None  # noqa: S101 - `_partitions` looked
    return int(match[1]), int(match[2])
