"""Runs that are killed between two things they do to files; started once, since loading takes long.

    python killed_runs.py align|export

Each line of standard input is JSON: `source`, `out`, and `step` or null. A child does the run, and
kills itself before the step-th thing it does to a file of `out`. A line of standard output says how
it ended: `ended`, `killed`, or what went wrong.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path


class KilledRuns:
    """Runs of one kind, in children of a process that has what they need."""

    def __init__(self, kind: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                "OMP_NUM_THREADS": "1",
                "FACEWISE_THREADS": "1",
            },
        )

    def run(self, source: Path, out: Path, step: int | None = None) -> str:
        order = {"source": str(source), "out": str(out), "step": step}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def _align(source: str, out: str) -> None:
    from facewise.aligning import align_folder
    from facewise.alignment import MarginCrop
    from tiny_models import TinyDetector

    align_folder(
        source,
        out,
        detector=TinyDetector(),
        crop=MarginCrop(16, 2),
        choice="all",
        boxes=f"{out}/boxes.txt",
    )


def _export(source: str, out: str) -> None:
    from facewise.export import export_folder

    export_folder(source, f"{out}/f.npz", means=f"{out}/m.h5", shard_size=3)


def _run(work: object, source: str, out: str, step: int | None) -> None:
    left = step

    def count(event: str, arguments: tuple) -> None:
        nonlocal left
        if left is not None and any(out in str(word) for word in arguments[:2]):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    work(source, out)


def _main(kind: str) -> None:
    from facewise.shards import Models
    from tiny_models import tiny_loaded

    loaded = tiny_loaded(flip=True)
    Models.load = lambda self: loaded
    work = {"align": _align, "export": _export}[kind]
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            code = 1
            try:
                _run(work, **order)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        words = {0: "ended", -signal.SIGKILL: "killed"}
        print(words.get(os.waitstatus_to_exitcode(status), f"status {status}"), flush=True)  # noqa: T201


if __name__ == "__main__":
    _main(sys.argv[1])
