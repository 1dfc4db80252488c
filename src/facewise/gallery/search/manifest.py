"""The list of an index's files, and the folder they are in.

The list is the index: it is replaced whole, after the files it names were written, and files are
never changed. So a reader finds the old index or the new one. A file that the list does not name is
left over, of an older index or of a process that was killed, and is removed by the next writer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from facewise._files import replace_file
from facewise.errors import GalleryError
from facewise.gallery.search.coding import SIZES, Numbers
from facewise.runtime.workers import ordered_map

LAYOUT = 1
"""Of the files; another one is not read but made anew."""

WAIT = 60.0
"""Seconds to wait for others who write, as a store does."""

_LIST = "manifest.json"
_LOCK = "lock"
_PIECE = 16_777_216


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """A segment's file: name, vectors, `Coded.error`, whether the graph has them, fingerprint."""

    file: str
    faces: int
    error: float
    in_graph: bool
    sha256: str


@dataclass(frozen=True, slots=True)
class GraphEntry:
    """The graph's file.

    Attributes:
        file: its name.
        faces: in it.
        blanks: nodes whose face was forgotten.
        recalls: for each expansion that was measured: it, and recall at 1 and at 10.
        sha256: the file's fingerprint.
    """

    file: str
    faces: int
    blanks: int
    recalls: tuple[tuple[int, float, float], ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index is made of.

    Attributes:
        store: which store (`GalleryIndex.open`).
        version: of the store, whose faces these are.
        dimension: of the vectors.
        numbers: their form.
        segments: all faces.
        graph: for approximate search, of most faces; or None.
    """

    store: str
    version: int
    dimension: int
    numbers: Numbers
    segments: tuple[SegmentEntry, ...] = ()
    graph: GraphEntry | None = None

    def files(self) -> dict[str, str]:
        """The fingerprint of each file."""
        found = {entry.file: entry.sha256 for entry in self.segments}
        return found if self.graph is None else {**found, self.graph.file: self.graph.sha256}


class IndexFolder:
    """The folder of an index.

    Args:
        path: of the folder; made when there is something to write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def lock(self, wait: float = WAIT) -> Iterator[None]:
        """The turn of one writer among all processes.

        Raises:
            GalleryError: others have had it for longer than `wait` seconds.
            OSError: the folder cannot be written.
        """
        from filelock import FileLock, Timeout

        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)  # as the gallery's own file is
        lock = FileLock(self.path / _LOCK)
        try:
            lock.acquire(timeout=wait)
        except Timeout:
            raise GalleryError(
                f"{self.path}: the search index is being written by another process for more than "
                f"{wait:g} s; is one stopped? Try again"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def read(self) -> Manifest | None:
        """The list, or None where there is none.

        Raises:
            ValueError: it is damaged, or of another layout; says what was found.
            OSError: it cannot be read.
        """
        try:
            content = (self.path / _LIST).read_bytes()
        except FileNotFoundError:
            return None
        try:
            whole = json.loads(content)
            body = whole["index"]
            if whole["sha256"] != _digest(body):
                raise ValueError("its checksum is of other content")
            if body.pop("layout") != LAYOUT:
                raise ValueError("another layout")
            return _manifest(body)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{self.path / _LIST}: not the list of an index ({error})") from None

    def replace(self, manifest: Manifest) -> None:
        """Make this the list, from one moment to the next."""
        body = {"layout": LAYOUT, **asdict(manifest)}
        whole = {"sha256": _digest(body), "index": body}
        replace_file(self.path / _LIST, json.dumps(whole, indent=1).encode())

    def left_over(self, manifest: Manifest) -> list[Path]:
        """The files that a list does not name."""
        keep = {_LIST, _LOCK, *manifest.files()}
        return [p for p in self.path.iterdir() if p.name not in keep and not p.is_dir()]

    def sweep(self, manifest: Manifest) -> None:
        """Remove what is left over; for who has the lock.

        Raises:
            OSError: one cannot be removed.
        """
        for path in self.left_over(manifest):
            path.unlink(missing_ok=True)

    def problems(self) -> list[str]:
        """What is wrong with the list or its files: missing, or not what was written."""
        while True:
            try:
                manifest = self.read()
                files = {} if manifest is None else manifest.files()
                found = [problem for file in files.items() for problem in self._problems(*file)]
                if self.read() == manifest:  # else the files were replaced meanwhile
                    return found
            except (ValueError, OSError) as error:
                return [str(error)]

    def _problems(self, name: str, sha256: str) -> list[str]:
        path = self.path / name
        try:
            right = fingerprint(path) == sha256
        except OSError as error:
            return [f"{path}: {error.strerror or error}"]
        return [] if right else [f"{path}: damaged (its checksum is another one)"]


def fingerprint(path: Path) -> str:
    """SHA-256 of the SHA-256 of each piece of 16 MiB, so that all cores work; hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    starts = range(0, max(1, path.stat().st_size), _PIECE)
    whole = hashlib.sha256()
    for digest in ordered_map(partial(_piece, path), starts):
        whole.update(digest)
    return whole.hexdigest()


def _piece(path: Path, start: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return hashlib.sha256(file.read(_PIECE)).digest()


def _digest(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _manifest(body: dict[str, Any]) -> Manifest:
    segments = tuple(SegmentEntry(**entry) for entry in body.pop("segments"))
    graph = body.pop("graph")
    if graph is not None:
        recalls = tuple((int(e), float(one), float(ten)) for e, one, ten in graph.pop("recalls"))
        graph = GraphEntry(**graph, recalls=recalls)
    manifest = Manifest(**body, segments=segments, graph=graph)
    if manifest.numbers not in SIZES:
        raise ValueError(f"numbers {manifest.numbers!r}")
    if any(Path(name).name != name for name in manifest.files()):
        raise ValueError("a file outside the folder")
    return manifest
