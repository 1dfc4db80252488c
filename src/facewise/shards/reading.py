"""Read shards: what a run has made, and its vectors, some at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from facewise.errors import ShardsError
from facewise.shards import schema
from facewise.shards.extra import needed
from facewise.shards.face_batch import FaceBatch, Failure, batch_of
from facewise.shards.locations import reason
from facewise.shards.manifest import Manifest, Shard, manifest_of
from facewise.shards.output import Output, output_at
from facewise.shards.schema import FAILED, IS_FACE, NO_FACE, Counts
from facewise.shards.watched_file import WatchedFile

_READING = 16
"""Files that are opened at once."""


class Shards:
    """The shards of a folder; made by `open_shards`.

    Attributes:
        place: the folder, a path or URL.
        manifest: what they are made with.
        counts: by the name of each shard that is there, what it holds.
    """

    def __init__(self, output: Output, manifest: Manifest, counts: Mapping[str, Counts]) -> None:
        self.place = output.place
        self.manifest = manifest
        self.counts = counts
        self._output = output

    @property
    def model(self) -> str:
        """The facts of the model, as JSON that `gallery.ModelFacts.from_json` takes."""
        return json.dumps(self.manifest.facts)

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return int(self.manifest.facts["embedding_size"])

    @property
    def missing(self) -> list[Shard]:
        """Shards that are not there: the run has not come to its end."""
        return [shard for shard in self.manifest.shards if shard.name not in self.counts]

    @property
    def total(self) -> Counts:
        """What all shards that are there hold together."""
        total = Counts()
        for counts in self.counts.values():
            total = total.plus(counts)
        return total

    def batches(
        self, size: int = 4096, *, chips: bool = False, vectors: bool = True
    ) -> Iterator[FaceBatch]:
        """All faces, some at a time, in the order of shards, pictures and faces.

        Args:
            size: faces of a batch, at most.
            chips: read the chips too, if there are any.
            vectors: read the vectors.

        Raises:
            ShardsError: a shard is damaged, or cannot be read; names it.
        """
        wanted = [
            schema.SOURCE,
            schema.KEY,
            schema.LABEL,
            schema.STATUS,
            schema.PICTURE,
            schema.WIDTH,
            schema.HEIGHT,
            schema.FACE,
            schema.BOX,
            schema.SCORE,
        ]
        if vectors:
            wanted.append(schema.VECTOR)
        with_chips = chips and bool(self.manifest.settings["chips"])
        if with_chips:
            wanted.append(schema.CHIP)
        for table in self._tables(wanted, IS_FACE, size):
            yield batch_of(table, self.dimension if vectors else 0, with_chips)

    def failures(self) -> Iterator[Failure]:
        """The pictures, and tar files, without a result."""
        wanted = [schema.SOURCE, schema.KEY, schema.STATUS, schema.ERROR]
        some = {name for name, counts in self.counts.items() if counts.failed}
        for table in self._tables(wanted, FAILED, 4096, some):
            columns = (table[name].to_pylist() for name in wanted if name != schema.STATUS)
            yield from (Failure(*row) for row in zip(*columns, strict=True))

    def faceless(self) -> Iterator[tuple[str, str]]:
        """Source and key of the pictures in which no face was found."""
        wanted = [schema.SOURCE, schema.KEY, schema.STATUS]
        some = {name for name, counts in self.counts.items() if counts.faceless}
        for table in self._tables(wanted, NO_FACE, 4096, some):
            columns = (table[name].to_pylist() for name in wanted if name != schema.STATUS)
            yield from zip(*columns, strict=True)

    def _tables(
        self, columns: list[str], status: str, size: int, some: set[str] | None = None
    ) -> Iterator[Any]:
        """Columns of the rows with a status, as Arrow's batches."""
        compute = needed("pyarrow.compute", "shards")
        parquet = needed("pyarrow.parquet", "shards")
        for shard in self.manifest.shards:
            if shard.name not in (self.counts if some is None else some):
                continue
            try:
                with _opened(self._output, shard.name) as file:
                    whole = parquet.ParquetFile(file, page_checksum_verification=True)
                    for rows in whole.iter_batches(size, columns=columns):
                        found = rows.filter(compute.equal(rows[schema.STATUS], status))
                        if len(found):
                            yield found
            except (OSError, ValueError) as error:  # Arrow's errors are of these kinds
                raise ShardsError(f"{self.place}/{shard.name}: damaged ({error})") from error


def open_shards(place: str | os.PathLike[str], *, partial: bool = False) -> Shards:
    """The shards of a folder that `facewise embed` wrote.

    Args:
        place: the folder, a path or URL.
        partial: also if some are not there yet.

    Raises:
        ShardsError: there are none, some are missing, or cannot be read; names the folder or shard.
        ExtraMissingError: pyarrow, or what the URL's protocol needs, is not installed.
    """
    output = output_at(place)
    manifest = manifest_of(output)
    if manifest is None:
        raise ShardsError(f"{output.place}: no shards there; `facewise embed … --out` makes them")
    shards = Shards(output, manifest, existing(output, manifest))
    if shards.missing and not partial:
        raise ShardsError(
            f"{output.place}: {len(shards.missing):,} of {len(manifest.shards):,} shards are not "
            "there yet; finish the run by the same `facewise embed` command"
        )
    return shards


def existing(output: Output, manifest: Manifest) -> dict[str, Counts]:
    """The shards of a run that are there and whole, by name, with what they hold.

    Raises:
        ShardsError: one that is there cannot be read.
    """
    there = output.names()
    names = [shard.name for shard in manifest.shards if shard.name in there]
    with ThreadPoolExecutor(_READING) as pool:
        counts = pool.map(lambda name: counts_of(output, name), names)
        return {name: own for name, own in zip(names, counts, strict=True) if own is not None}


def counts_of(output: Output, name: str) -> Counts | None:
    """What a shard says it holds; None if it is not there, is no shard, or has no end.

    Raises:
        ShardsError: it cannot be read, so nobody knows.
    """
    parquet = needed("pyarrow.parquet", "shards")
    try:
        with _opened(output, name) as file:
            about = parquet.read_metadata(file).metadata or {}
        return Counts(**json.loads(about[schema.COUNTS.encode()]))
    except (OSError, ValueError, LookupError, TypeError):  # Arrow's errors are of these kinds
        return None


@contextmanager
def _opened(output: Output, name: str) -> Generator[WatchedFile, None, None]:
    """A context: the file of a shard, for Arrow.

    Raises:
        FileNotFoundError: it is not there.
        ShardsError: it is there and cannot be read.
    """
    watched: WatchedFile | None = None
    try:
        with WatchedFile(output.open(name)) as watched:
            yield watched
    except Exception as error:
        problem = error if watched is None else watched.problem
        if problem is None or isinstance(problem, (FileNotFoundError, ShardsError)):
            raise
        raise ShardsError(f"{output.place}/{name}: cannot be read ({reason(problem)})") from problem
