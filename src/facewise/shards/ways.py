"""The three ways to work through units: in this process, in several, on a Ray cluster."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from facewise.errors import ShardsError
from facewise.shards.job import Done, Job, Task
from facewise.shards.locations import reason
from facewise.shards.models import Loaded
from facewise.shards.result import Progress

_IN_A_ROW = 3
"""Units that may fail one after another; then the next ones will not do better."""


@dataclass(frozen=True, slots=True)
class Way:
    """How units are worked through.

    Attributes:
        workers: processes, or actors of Ray; None: this process alone, or an actor for each CPU.
        ray: on Ray.
        address: of its cluster; see `ray_cluster.on_ray`.
    """

    workers: int | None = None
    ray: bool = False
    address: str | None = None


def worked_through(
    job: Job, tasks: Sequence[Task], loaded: Loaded, way: Way, progress: Progress
) -> Generator[Done, None, None]:
    """What becomes of each unit, as they are done.

    Args:
        job: what the units have in common.
        tasks: the units.
        loaded: the models, in this process.
        way: how.
        progress: told how many pictures are done.

    Raises:
        ShardsError: a way cannot be gone, or three units failed one after another.
    """
    if not tasks:
        return
    failed = 0
    with closing(_each(job, tasks, loaded, way, progress)) as results:
        for done in results:
            failed = 0 if done.counts is not None else failed + 1
            if failed >= _IN_A_ROW:
                raise ShardsError(f"{failed} shards in a row were not written: {done.problem}")
            yield done


def _each(
    job: Job, tasks: Sequence[Task], loaded: Loaded, way: Way, progress: Progress
) -> Generator[Done, None, None]:
    if way.ray:
        from facewise.shards.ray_cluster import on_ray

        results = on_ray(job, tasks, address=way.address, workers=way.workers)
    elif min(way.workers or 1, len(tasks)) > 1:
        from facewise.shards.processes import in_processes

        results = in_processes(job, tasks, min(way.workers or 1, len(tasks)))
    else:
        yield from _here(job, tasks, loaded, progress)
        return
    pictures = 0
    with closing(results):
        for done in results:
            pictures += 0 if done.counts is None else done.counts.pictures
            progress.looked_at(pictures)
            yield done


def _here(
    job: Job, tasks: Sequence[Task], loaded: Loaded, progress: Progress
) -> Generator[Done, None, None]:
    from facewise.shards.unit_embedder import UnitEmbedder

    embedder = UnitEmbedder(job, loaded)
    before = 0

    def report(pictures: int) -> None:
        progress.looked_at(before + pictures)

    for task in tasks:
        try:
            done = embedder.embed(task, report)
        except Exception as error:  # the next unit may be better
            done = Done(task.shard, None, reason(error))
        before += 0 if done.counts is None else done.counts.pictures
        yield done
