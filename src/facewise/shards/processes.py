"""Several processes of this machine, each with its own models, that take unit after unit."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Generator, Iterable
from contextlib import suppress
from typing import Any

from facewise.errors import ShardsError
from facewise.runtime.threads import THREADS_VARIABLE, cores
from facewise.shards.job import Done, Job, Task
from facewise.shards.worker import READY


def in_processes(job: Job, tasks: Iterable[Task], workers: int) -> Generator[Done, None, None]:
    """Embed units in processes of this machine.

    Args:
        job: what the units have in common.
        tasks: the units.
        workers: processes, which share the cores.

    Yields:
        What became of each unit, as they are done. A unit whose process died has its problem, and
        the next one gets a new process.

    Raises:
        ShardsError: a process cannot load the models.
    """
    crew = _Crew(job, tasks, workers)
    try:
        yield from crew.results()
    finally:
        crew.stop()


class _Crew:
    def __init__(self, job: Job, tasks: Iterable[Task], workers: int) -> None:
        self._job = json.dumps(job.to_dict())
        self._tasks = iter(tasks)
        self._taking = threading.Lock()
        self._said: queue.Queue[Done | ShardsError | None] = queue.Queue()
        self._stopped = False
        self._processes: set[subprocess.Popen[str]] = set()
        each = str(max(cores() // workers, 1))
        self._environment = {**os.environ, "OMP_NUM_THREADS": each, THREADS_VARIABLE: each}
        # The same package, wherever this process has it from.
        path = [entry for entry in sys.path if entry]
        self._environment["PYTHONPATH"] = os.pathsep.join(path)
        self._threads = [
            threading.Thread(target=self._work, name="facewise-foreman", daemon=True)
            for _ in range(workers)
        ]

    def results(self) -> Generator[Done, None, None]:
        for thread in self._threads:
            thread.start()
        running = len(self._threads)
        while running:
            said = self._said.get()
            if said is None:
                running -= 1
            elif isinstance(said, ShardsError):
                raise said
            else:
                yield said

    def stop(self) -> None:
        """End all processes; what they were doing has no shard."""
        with self._taking:
            self._stopped = True
            for process in self._processes:
                with suppress(OSError):
                    process.kill()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _work(self) -> None:
        """Keep one process busy, and replace it if it dies."""
        process = None
        try:
            while (task := self._next()) is not None:
                if process is None:
                    process = self._start()
                answer = _ask(process, json.dumps(task.to_dict()))
                if answer is None:
                    self._end(process)
                    problem = "its process died; not enough memory?"
                    self._said.put(Done(task.shard, None, problem))
                    process = None
                else:
                    self._said.put(Done.from_dict(json.loads(answer)))
        except ShardsError as error:
            self._said.put(error)
        finally:
            if process is not None:
                self._end(process)
            self._said.put(None)

    def _next(self) -> Task | None:
        with self._taking:
            return None if self._stopped else next(self._tasks, None)

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "facewise.shards.worker"]
        with self._taking:
            if self._stopped:
                raise ShardsError("stopped")
            process: Any = subprocess.Popen(  # noqa: S603 - this program
                command,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
            self._processes.add(process)
        answer = _ask(process, self._job)
        said = "its process died" if answer is None else json.loads(answer)
        if said != READY:
            self._end(process)
            raise ShardsError(f"a worker cannot begin: {said}")
        started: subprocess.Popen[str] = process
        return started

    def _end(self, process: subprocess.Popen[str]) -> None:
        with suppress(OSError):
            process.communicate()
        with self._taking:
            self._processes.discard(process)


def _ask(process: subprocess.Popen[str], line: str) -> str | None:
    """What a process answers to a line, or None if it has died."""
    assert process.stdin is not None  # noqa: S101 - as it was started
    assert process.stdout is not None  # noqa: S101
    with suppress(OSError):
        process.stdin.write(line + "\n")
        process.stdin.flush()
    return process.stdout.readline() or None
