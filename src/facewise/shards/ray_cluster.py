"""The workers of a Ray cluster, by Ray Data: each holds the models once, and takes units."""

from __future__ import annotations

import json
import logging
import os
import secrets
from collections.abc import Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from facewise.errors import ShardsError
from facewise.shards.extra import needed
from facewise.shards.job import Done, Job, Task
from facewise.shards.locations import reason


def on_ray(
    job: Job, tasks: Sequence[Task], *, address: str | None = None, workers: int | None = None
) -> Generator[Done, None, None]:
    """Embed units on a Ray cluster.

    Workers write the shards themselves; what comes back are numbers. A unit that Ray gives out
    again, since a worker was lost, finds its shard there or writes the same one.

    Args:
        job: what the units have in common.
        tasks: the units.
        address: of the cluster, as `ray.init` takes it: "auto", "host:port", "ray://…"; None: the
            one that Ray runs in already in this process, or else a cluster of this machine alone,
            reached by its own processes only, which ends with the run.
        workers: actors, each with one CPU (for `cuda` also a GPU); by default one for each CPU (or
            GPU) of the cluster.

    Yields:
        What became of each unit, as they are done.

    Raises:
        ExtraMissingError: Ray is not installed.
        ShardsError: the cluster cannot be reached, or has lost its workers.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if address is None:
        _keep_to_this_machine()
    ray = needed("ray", "--ray", extra="ray")
    data = needed("ray.data", "--ray", extra="ray")
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, address)
    try:
        # Ray hides GPUs from an actor that has not asked for one.
        gpus = int((job.models.device or "").startswith("cuda"))
        kind = "GPU" if gpus else "CPU"
        count = workers or max(int(ray.cluster_resources().get(kind, 1)), 1)
        count = min(count, len(tasks))
        _be_quiet(data)
        rows = [{"task": json.dumps(task.to_dict())} for task in tasks]
        dataset = data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            RayWorker,
            fn_constructor_args=[json.dumps(job.to_dict()), str(Path.cwd())],
            batch_size=1,
            compute=data.ActorPoolStrategy(size=count),
            num_cpus=1,
            num_gpus=gpus,
        )
        for row in dataset.iter_rows():
            yield Done.from_dict(json.loads(row["done"]))
    except ray.exceptions.RayError as error:
        raise ShardsError(f"Ray: {str(error).strip().splitlines()[-1]}") from error
    finally:
        if ours:
            ray.shutdown()


class RayWorker:
    """An actor of Ray Data's: a batch of tasks in, what became of them out.

    Args:
        job: of the run, as JSON.
        folder: where the run was started, for places that are told from there.
    """

    def __init__(self, job: str, folder: str) -> None:
        import torch

        from facewise.runtime.threads import cores
        from facewise.shards.unit_embedder import UnitEmbedder

        if torch.get_num_threads() > cores():
            torch.set_num_threads(cores())  # of what Ray gives the actor
        with suppress(OSError):
            os.chdir(folder)  # the process is ours
        self._embedder = UnitEmbedder(Job.from_dict(json.loads(job)))

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """Embed the tasks of `batch["task"]`."""
        done = []
        for text in batch["task"]:
            task = Task.from_dict(json.loads(text))
            try:
                found = self._embedder.embed(task)
            except Exception as error:  # the next unit may be better
                found = Done(task.shard, None, reason(error))
            done.append(json.dumps(found.to_dict()))
        return {"done": done}


def _keep_to_this_machine() -> None:
    """Have a cluster of our own listen on the loopback alone, to those who know a secret.

    Ray reads this from the environment as it is imported, and its processes inherit it. By itself
    it listens on all addresses, and runs what anybody sends it.
    """
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    if "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _connect(ray: Any, address: str | None) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address is None:
        options |= {"address": "local", "include_dashboard": False}
    else:
        options["address"] = address
    try:
        ray.init(**options)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise ShardsError(f"Ray at {address or 'this machine'}: {error}") from error


def _be_quiet(data: Any) -> None:
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    data.DataContext.get_current().enable_progress_bars = False
