"""A run: from sources to a folder of shards, each picture exactly once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from itertools import islice

from facewise.errors import ShardsError
from facewise.shards.beginning import Beginning
from facewise.shards.extra import needed
from facewise.shards.job import Job, Task
from facewise.shards.models import Models
from facewise.shards.output import output_at
from facewise.shards.planning import plan
from facewise.shards.reading import Shards, existing
from facewise.shards.result import Progress, ShardRun
from facewise.shards.schema import MANIFEST, Counts
from facewise.shards.ways import Way, worked_through

SHARD_SIZE = 10_000
"""Pictures of a shard: what a killed run does again."""

_LISTED = 100
"""Failures that a result holds; the shards have them all."""


def embed_to_shards(
    sources: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    models: Models | None = None,
    chips: bool = False,
    shard_size: int = SHARD_SIZE,
    part: tuple[int, int] = (1, 1),
    way: Way | None = None,
    retry_failed: bool = False,
    progress: Progress | None = None,
) -> ShardRun:
    """Find and embed the faces of very many pictures, to Parquet files.

    The pictures are cut into units, always the same ones; each becomes a shard, which appears whole
    or not at all. A run that was killed is simply started again: shards that are there stay as they
    are, and every picture is in exactly one of them. `docs/embedding-at-scale.md` tells more.

    Args:
        sources: folders, tar files, lists, patterns, URLs; see `plan`.
        out: the folder of the shards, a path or URL.
        models: which detector and embedder.
        chips: keep the cut-out faces too (PNG).
        shard_size: pictures of a shard, above 0.
        part: (i, n), this run does the i-th of n parts of the units, for n machines that share a
            folder.
        way: in this process, unless processes or Ray are asked for.
        retry_failed: do shards again that have pictures without a result.
        progress: told how far the run is.

    Returns:
        What is there now, of this part.

    Raises:
        ShardsError: nothing is to be found at a source; the folder was begun with other settings or
            pictures, or cannot be written.
        ModelMismatchError: it was begun with other models; names both.
        ExtraMissingError: pyarrow, fsspec or Ray is needed and not installed.
        ModelError, DownloadError, DeviceError: the models cannot be loaded.
        OSError: a source cannot be listed, or the folder cannot be written.

    Example:
        >>> import tempfile
        >>> from facewise.shards import embed_to_shards, open_shards
        >>> folder = tempfile.TemporaryDirectory()
        >>> run = embed_to_shards("examples/people", folder.name + "/vectors")
        >>> run.counts.pictures, run.counts.faces, run.counts.failed
        (3, 3, 0)
        >>> [batch] = open_shards(folder.name + "/vectors").batches()
        >>> batch.vectors.shape, sorted(set(batch.labels))
        ((3, 128), ['biden', 'obama'])
        >>> folder.cleanup()
    """
    needed("pyarrow.parquet", "shards")
    way, watch = way or Way(), progress or Progress()
    _check(shard_size, part, way)
    if isinstance(sources, (str, os.PathLike)):
        sources = [sources]
    units = plan(sources, shard_size)
    output = output_at(out)
    if output.place.startswith("memory://") and (way.ray or way.workers):
        raise ShardsError(f"{output.place}: every process has a memory of its own")
    beginning = Beginning(output, models or Models(), chips=chips, shard_size=shard_size)
    manifest = beginning.agree(units)
    mine = range(part[0] - 1, len(units), part[1])
    tasks = [Task(manifest.shards[number].name, units[number]) for number in mine]
    there = existing(output, manifest)
    kept = {task.shard: there[task.shard] for task in tasks if task.shard in there}
    if retry_failed:
        failed = {name: counts.failed for name, counts in kept.items() if counts.failed}
        kept = {name: counts for name, counts in kept.items() if name not in failed}
        tasks = [replace(task, failed=failed.get(task.shard)) for task in tasks]
    todo = [task for task in tasks if task.shard not in kept]
    watch.begin(_pictures_of(todo))
    job = Job(output.place, beginning.models, manifest.settings, manifest.facts, chips)
    written: dict[str, Counts] = {}
    unwritten: list[str] = []
    with closing(worked_through(job, todo, beginning.loaded, way, watch)) as results:
        for done in results:
            if done.counts is None:
                unwritten.append(f"{done.shard}: {done.problem}")
            else:
                written[done.shard] = done.counts
    output.tidy({MANIFEST, *kept, *written})
    shards = Shards(output, manifest, {**kept, **written})
    embedder = beginning.loaded.embedder
    return ShardRun(
        out=output.place,
        model=embedder.spec.id,
        weights=embedder.weight_hash,
        shards=len(tasks),
        written=len(written),
        kept=len(kept),
        counts=shards.total,
        failures=tuple(islice(shards.failures(), _LISTED)),
        unwritten=tuple(unwritten),
    )


def _pictures_of(tasks: list[Task]) -> int | None:
    """How many there are, or None: nobody knows of a tar file."""
    if any(task.unit.tar for task in tasks):
        return None
    return sum(len(task.unit.keys) for task in tasks)


def _check(shard_size: int, part: tuple[int, int], way: Way) -> None:
    if shard_size < 1:
        raise ValueError(f"shard_size: expected at least 1, got {shard_size}")
    if not 1 <= part[0] <= part[1]:
        raise ValueError(f"part: expected (i, n) with 1 <= i <= n, got {part}")
    if way.workers is not None and way.workers < 1:
        raise ValueError(f"workers: expected at least 1, got {way.workers}")
    if way.address is not None and not way.ray:
        raise ValueError("address: of a Ray cluster; goes with ray")
