"""Start a job, and kill it at a random moment."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import statistics
import subprocess
import sys
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PATIENCE = 100.0  # seconds without a word from a child, from which on it hangs


@dataclass(frozen=True)
class Report:
    """What a child said.

    Attributes:
        done: the operations that it said were done, as lists: name and details.
        in_flight: the one that had begun, or None.
        ended: there was nothing left to do, and nobody killed it.
    """

    done: list[list[Any]]
    in_flight: list[Any] | None
    ended: bool


class Nursery:
    """Runs jobs in children of one process that has loaded everything.

    Args:
        folder: for what children write to standard error.
    """

    def __init__(self, folder: Path) -> None:
        self._errors = folder / "errors.txt"
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "OMP_NUM_THREADS": "1",  # threads of before a fork do not live in the child
        }
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gallery_crash.nursery"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
            )
        assert self._process.stdout is not None
        self._lines = _Lines(self._process.stdout.fileno())
        self._lengths: dict[str | None, deque[float]] = defaultdict(lambda: deque(maxlen=20))

    def kill_somewhere(self, job: dict[str, Any], moments: random.Random, most: int) -> Report:
        """Run a job and kill it within the operation after some others.

        The moment is uniform over the time that an operation of this name usually takes, and a
        fifth more; so a kill may also meet what comes next.

        Args:
            job: see `jobs.run`.
            moments: random numbers.
            most: operations to wait for at most.
        """
        wait, share = moments.randint(0, most), moments.uniform(0, 1.2)
        pid, said = self._start(job), _Said()
        try:
            while not self._is_target(said, wait) and not said.ended:
                self._hear(said, _PATIENCE)
            if not said.ended:
                end = time.monotonic() + share * statistics.median(self._lengths[said.operation])
                while (rest := end - time.monotonic()) > 0 and not said.ended:
                    self._hear(said, rest, required=False)
        finally:
            if not said.ended:
                os.kill(pid, signal.SIGKILL)
            while not said.ended:
                self._hear(said, _PATIENCE)
        return self._report(said)

    def run(self, job: dict[str, Any]) -> Report:
        """Run a job to its end."""
        self._start(job)
        said = _Said()
        while not said.ended:
            self._hear(said, _PATIENCE)
        return self._report(said)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _start(self, job: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._lines.next(_PATIENCE)[1])

    def _hear(self, said: _Said, seconds: float, *, required: bool = True) -> None:
        """One more line, if there is one in time. Learns how long operations take."""
        line = self._lines.next(seconds, required=required)
        if line is None:
            return
        if line[0] == "done":
            began = said.lines[-1]
            if (began[0], began[2:]) != ("begin", line[2:]):
                raise RuntimeError(f"{line} after {began}")
            self._lengths[line[2]].append(line[1] - began[1])
        said.lines.append(line)

    def _is_target(self, said: _Said, wait: int) -> bool:
        """Whether enough is done, and something has begun of which is known how long it takes."""
        return said.operation in self._lengths and len(said.done) >= wait

    def _report(self, said: _Said) -> Report:
        status = said.lines[-1][1]
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if not killed and status != 0:
            raise RuntimeError(f"{said.lines[-3:]}: {self._errors.read_text()}")
        begun = said.lines[-2] if len(said.lines) > 1 else ["nothing"]
        in_flight = begun[2:] if begun[0] == "begin" else None
        return Report(said.done, in_flight, ended=not killed)


class _Said:
    """The lines of a child so far."""

    def __init__(self) -> None:
        self.lines: list[list[Any]] = []

    @property
    def ended(self) -> bool:
        return bool(self.lines) and self.lines[-1][0] == "ended"

    @property
    def operation(self) -> str | None:
        """What has begun and is not done, if the child goes on."""
        return self.lines[-1][2] if self.lines and self.lines[-1][0] == "begin" else None

    @property
    def done(self) -> list[list[Any]]:
        return [line[2:] for line in self.lines if line[0] == "done"]


class _Lines:
    """Lines of JSON from a pipe, with a time limit."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._held = b""

    def next(self, seconds: float, *, required: bool = True) -> Any:
        """The next line; None if there is none in time and none is required."""
        end = time.monotonic() + seconds
        while b"\n" not in self._held:
            ready, _, _ = select.select([self._descriptor], [], [], max(end - time.monotonic(), 0))
            if not ready:
                if required:
                    raise TimeoutError("a child hangs")
                return None
            piece = os.read(self._descriptor, 1 << 16)
            if not piece:
                raise RuntimeError("the nursery has ended")
            self._held += piece
        line, self._held = self._held.split(b"\n", 1)
        return json.loads(line)
